"""A client of the soak never ends without a word: its end before the run's is a finding."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.soak.clients import Client, Connection, Gate, Stopped, Violation


class Busy(BaseHTTPRequestHandler):
    """Answers every GET that it is busy, and every POST with what is no JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(503, b"")

    def do_POST(self) -> None:
        self._answer(200, b"<html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that the library gave it
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def gate() -> Gate:
    made = Gate()
    made.open()
    return made


@pytest.fixture
def connection(gate: Gate) -> Iterator[Connection]:
    """A connection to a service that is always busy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made = Connection(server.server_port, gate, Counter())
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


def ended(act: Callable[[], object]) -> list[str]:
    """What a client says that did this until it ended."""

    def once() -> None:
        act()
        raise Stopped

    client = Client("client 1", once)
    client.start()
    client.join(20)
    assert not client.is_alive()
    return client.violations


def test_a_request_that_never_settles_is_a_violation(connection: Connection) -> None:
    with pytest.raises(Violation, match="GET /api/issues was asked 3 times and never settled"):
        connection.ask("GET", "/api/issues", tries=3)


def test_a_client_that_meant_to_ask_once_only_gives_up(connection: Connection) -> None:
    with pytest.raises(Stopped):
        connection.ask("GET", "/api/issues", tries=1)


def test_a_request_cut_short_by_the_end_of_the_run_is_no_violation(
    connection: Connection, gate: Gate
) -> None:
    gate.end()
    assert ended(lambda: connection.ask("GET", "/api/issues", tries=3)) == []


def test_an_answer_that_nobody_can_read_is_a_violation(connection: Connection) -> None:
    (words,) = ended(lambda: connection.ask("POST", "/api/issues", {}))
    assert words.startswith("client 1: JSONDecodeError:")


@pytest.mark.parametrize("error", [ValueError, IndexError, TypeError, KeyError, AttributeError, Violation])
def test_whatever_ends_a_client_is_told(error: type[Exception]) -> None:
    def fail() -> None:
        raise error("the answer was odd")

    (words,) = ended(fail)
    assert words.startswith(f"client 1: {error.__name__}: ")
