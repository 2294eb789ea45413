"""Traces: a collector on loopback gets a span per request and per use of the store, with nothing personal in it."""

from __future__ import annotations

import gzip
import importlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.testclient import TestClient

from api.app import create_app
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings
from gridgov.store import Store
from tests.api.conftest import Clock

PHONE = "13812345678"


class Collector(ThreadingHTTPServer):
    """Keeps the spans it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.raw = b""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        collector = self.server
        assert isinstance(collector, Collector)
        collector.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            collector.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def traced(store: Store, settings: Settings, clock: Clock, collector: Collector) -> Iterator[TestClient]:
    given = {"telemetry_endpoint": collector.endpoint, "trusted_proxies": "10.0.0.0/8", "job_threads": 0}
    app = create_app(settings.model_copy(update=given), store, clock)
    with TestClient(app, raise_server_exceptions=False, client=("10.0.0.5", 1)) as client:
        yield client


def facts(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def finished(client: TestClient, collector: Collector) -> list[Span]:
    """The spans, once the service has sent them all, which it does at its end."""
    client.app.state.traces.close()  # type: ignore[attr-defined]  # the client knows its app as any ASGI app
    return collector.spans


class TestSpans:
    def test_a_request_has_its_span_and_the_store_s_below_it(
        self, traced: TestClient, collector: Collector, clock: Clock
    ) -> None:
        answer = traced.get(f"/api/parcels?q={PHONE}")
        assert answer.status_code == 200
        found = finished(traced, collector)
        [request] = [span for span in found if span.name == "GET /api/parcels"]
        assert request.kind == Span.SPAN_KIND_SERVER
        assert facts(request) == {
            "http.request.method": "GET",
            "http.route": "/api/parcels",
            "http.response.status_code": 200,
            "gridgov.request_id": answer.headers["x-request-id"],
        }
        below = [span for span in found if span.parent_span_id == request.span_id]
        assert {span.name for span in below} == {"store read"}
        assert all(span.trace_id == request.trace_id for span in below)
        assert all(facts(span)["gridgov.statements"] >= 1 for span in below)
        assert collector.services == {"gridgov"}
        assert PHONE.encode() not in collector.raw

    def test_a_trace_of_our_proxy_goes_on_here(self, traced: TestClient, collector: Collector) -> None:
        trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        traced.get("/livez", headers={"traceparent": f"00-{trace}-{parent}-01"})
        [span] = finished(traced, collector)
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)

    def test_a_fault_of_ours_is_marked(
        self, traced: TestClient, collector: Collector, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "begin", lambda *_, **__: 1 / 0)
        assert traced.get("/api/parcels").status_code == 500
        [span] = [each for each in finished(traced, collector) if each.kind == Span.SPAN_KIND_SERVER]
        assert span.status.code == Status.STATUS_CODE_ERROR


def test_a_collector_that_is_away_hinders_nobody(
    sqlite_store: Store, settings: Settings, clock: Clock
) -> None:
    app = create_app(
        settings.model_copy(update={"telemetry_endpoint": "http://127.0.0.1:9/v1/traces"}),
        sqlite_store,
        clock,
    )
    assert TestClient(app).get("/api/parcels").status_code == 200


def test_without_the_extra_it_says_what_to_install(
    sqlite_store: Store, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def missing(name: str, *rest: Any) -> ModuleType:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationProblem, match=r"gridgov\[telemetry\]"):
        create_app(
            settings.model_copy(update={"telemetry_endpoint": "http://127.0.0.1:9/"}), sqlite_store, clock
        )
    assert create_app(settings, sqlite_store, clock).state.traces is None
