"""Traces for an OpenTelemetry collector: a span per request and, below it, one per use of the store.

An extra: without GRIDGOV_TELEMETRY_ENDPOINT nothing is loaded and nothing is sent. A span holds the route's template,
the method, the status and times; no address that was asked for, no query, no names.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from api.journal import NO_ROUTE
from gridgov.errors import ConfigurationProblem
from gridgov.settings import Settings
from gridgov.store.watching import CURRENT, Spent, Watch, Watching

_SERVER, _CLIENT = "SERVER", "CLIENT"
_FAULT: Final = 500


def open_traces(settings: Settings, watching: Watching, clock: Callable[[], dt.datetime]) -> Traces | None:
    """What keeps the traces; None unless an endpoint is set. Raises ConfigurationProblem without the extra."""
    if not settings.telemetry_endpoint:
        return None
    return Traces(settings.telemetry_endpoint, watching, clock)


def _load(name: str) -> ModuleType:
    """A module of the extra."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationProblem(
            "GRIDGOV_TELEMETRY_ENDPOINT is set, but OpenTelemetry is not installed: install gridgov[telemetry], "
            "or take the setting away."
        ) from error


class Traces:
    """Makes the spans and sends them in the background to `endpoint` (OTLP over HTTP, e.g. …:4318/v1/traces)."""

    def __init__(self, endpoint: str, watching: Watching, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        trace = _load("opentelemetry.sdk.trace")
        resources = _load("opentelemetry.sdk.resources")
        exporter = _load("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        batches = _load("opentelemetry.sdk.trace.export")
        self._api = _load("opentelemetry.trace")
        self._parent = _load("opentelemetry.trace.propagation.tracecontext").TraceContextTextMapPropagator()
        resource = resources.Resource.create({"service.name": "gridgov"})
        self._provider = trace.TracerProvider(resource=resource, shutdown_on_exit=False)
        sender = batches.BatchSpanProcessor(exporter.OTLPSpanExporter(endpoint=endpoint, timeout=5))
        self._provider.add_span_processor(sender)
        self._tracer = self._provider.get_tracer("gridgov")
        watching.told.append(self._transaction)

    def begin(self, method: str, headers: dict[str, str] | None) -> Any:
        """A span for a request that starts now, below the proxy's when a trusted one named it."""
        above = self._parent.extract(headers) if headers is not None else None
        return self._tracer.start_span(method, context=above, kind=self._api.SpanKind[_SERVER])

    def end(self, watch: Watch, method: str, status: int) -> None:
        """Close the watch's span with what is known by now."""
        span = watch.span
        route = watch.route or NO_ROUTE
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "gridgov.request_id": watch.request_id,
            }
        )
        if status >= _FAULT:
            span.set_status(self._api.Status(self._api.StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()

    def _transaction(self, spent: Spent) -> None:
        watch = CURRENT.get()
        if watch is None or watch.span is None:
            return
        now = round(self._clock().timestamp() * 1e9)
        span = self._tracer.start_span(
            "store write" if spent.writes else "store read",
            context=self._api.set_span_in_context(watch.span),
            kind=self._api.SpanKind[_CLIENT],
            start_time=now - round(spent.seconds * 1e9),
            attributes={"gridgov.statements": spent.statements},
        )
        span.end(now)
