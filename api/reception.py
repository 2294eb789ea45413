"""Connections as they come in: how long a request may take to arrive, how long an answer to be fetched, how many.

A client that drips its request or never reads its answer would hold a connection for ever; here it is sent away.
"""

from __future__ import annotations

import asyncio
import resource
import time
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_MAX_BYTES: Final = 32 * 1024  # request line and headers
SLOWEST_BYTES_PER_S: Final = 32 * 1024  # a large upload has a second more for each of these
_MOST_CONNECTIONS: Final = 2_000
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 2\r\nconnection: close\r\n\r\n"
)


def most_connections() -> int:
    """How many connections one process holds: at most half of the file handles it may have."""
    return min(_MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Reception(H11Protocol):
    """uvicorn's connection with an end to patience.

    patience_s: from the first byte of a request (or the opening of the connection) to the last of its body, plus a
    second per SLOWEST_BYTES_PER_S that came; and between two signs of a client that fetches its answer.
    """

    patience_s: ClassVar[float] = 60.0
    most: ClassVar[int] = most_connections()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._since = 0.0
        self._received = 0
        self._arriving: asyncio.TimerHandle | None = None
        self._fetching: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._received_all()
        self._fetched()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what came."""
        self._received += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        """Read on, and look whether a request is still arriving."""
        super().handle_events()
        if self.transport.is_closing():
            return
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if self._arriving is None:
                self._expect()
        else:
            self._received_all()

    def _expect(self) -> None:
        self._since, self._received = time.monotonic(), 0
        self._arriving = self.loop.call_later(self.patience_s, self._look_at_arrival)

    def _received_all(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _look_at_arrival(self) -> None:
        """The patience is over: wait on for a large body that keeps coming, and where we do not read ourselves."""
        self._arriving = None
        if self.transport.is_closing():
            return
        allowed = self._since + self.patience_s + self._received / SLOWEST_BYTES_PER_S
        left = self.patience_s if self.flow.read_paused else allowed - time.monotonic()
        if left > 0:
            self._arriving = self.loop.call_later(left, self._look_at_arrival)
            return
        begun = self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if begun and (cycle is None or cycle.response_complete or not cycle.response_started):
            self.transport.write(_TOO_SLOW)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def pause_writing(self) -> None:
        """The client does not fetch as fast as we answer: watch that it fetches at all."""
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._fetching = self.loop.call_later(self.patience_s, self._look_at_fetching)

    def resume_writing(self) -> None:
        """It fetched."""
        self._fetched()
        super().resume_writing()

    def _fetched(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    def _look_at_fetching(self) -> None:
        self._fetching = None
        left = self.transport.get_write_buffer_size()
        if left >= self._unsent:
            self.transport.abort()
            return
        self._unsent = left
        self._fetching = self.loop.call_later(self.patience_s, self._look_at_fetching)
