"""Eight clients, each over one connection of its own: they write, note what was acknowledged, and never give up."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.soak.zone import LOGIN, PASSWORD

# A request that a store away or busy may answer so; the client sends it again.
LATER = frozenset({503, 507})
_SECONDS = 60.0


class Violation(AssertionError):
    """The service answered what it must never answer."""


class Stopped(Exception):
    """The run is over."""


class Gate:
    """Lets all clients through, or holds them back while the store is looked at."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = self._over = False
        self._busy = 0

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait until the gate is open; the block is counted as under way. Raises Stopped at the end of the run."""
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._over)
            if self._over:
                raise Stopped
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def open(self) -> None:
        """Let everybody through."""
        self._set(opened=True)

    def close(self) -> bool:
        """Hold everybody back; True when every request under way ended within its time, False when one hangs."""
        self._set(opened=False)
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, _SECONDS)

    def end(self) -> None:
        """Send everybody home."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether everybody was sent home."""
        return self._over

    def _set(self, *, opened: bool) -> None:
        with self._changed:
            self._open = opened
            self._changed.notify_all()


@dataclass(frozen=True)
class Answer:
    """What came back, and whether an earlier try of the same request may have been carried out already."""

    status: int
    headers: Mapping[str, str]
    body: Any
    repeated: bool

    @property
    def version(self) -> int:
        """The version of the record, by its ETag."""
        return int(self.headers["etag"].removeprefix("W/").strip('"'))

    @property
    def revision(self) -> int | None:
        """The revision that the write got, when the answer names one."""
        told = self.headers.get("x-revision")
        return int(told) if told else None

    @property
    def code(self) -> str:
        """The code of the record, when the answer shows the record."""
        record = self.body.get("issue", self.body) if isinstance(self.body, dict) else {}
        return str(record.get("code", ""))


class Connection:
    """One keep-alive connection with its session; repeats a request until its outcome is known."""

    def __init__(self, port: int, gate: Gate, told: Counter[str]) -> None:
        self._port = port
        self._gate = gate
        self._told = told
        self._cookie = ""
        self._http: http.client.HTTPConnection | None = None

    def sign_in(self) -> None:
        """Start a session, which outlives the service's process."""
        answer = self.ask("POST", "/api/session", {"login": LOGIN, "password": PASSWORD})
        if answer.status != 200:
            raise Violation(f"sign-in answered {answer.status}: {answer.body}")

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        tries: int = 1_000,
    ) -> Answer:
        """The final answer.

        Raises Violation for a 500, for a 503 without Retry-After, and when all `tries` were in vain; Stopped when the
        run is over, or after the one try of a client that meant to ask once only.
        """
        repeated = False
        for _ in range(tries):
            with self._gate.passed():
                answer = self._once(method, path, body, headers or {}, repeated=repeated)
            if answer is not None and answer.status not in LATER:
                if answer.status >= 500:
                    raise Violation(f"{method} {path} answered {answer.status}: {answer.body}")
                return answer
            repeated = True
            if answer is not None and not answer.headers.get("retry-after", "").isdigit():
                raise Violation(f"{method} {path} answered {answer.status} without Retry-After")
            self._told["broken" if answer is None else f"answered {answer.status}"] += 1
            time.sleep(0.02)
        if tries == 1 or self._gate.is_over:
            raise Stopped
        raise Violation(f"{method} {path} was asked {tries} times and never settled")

    def close(self) -> None:
        """Give the connection up."""
        if self._http is not None:
            self._http.close()

    def _once(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], *, repeated: bool
    ) -> Answer | None:
        """One try; None when the connection broke, so that nobody knows what became of it."""
        sent = dict(headers)
        if self._cookie and "X-Device-Token" not in sent:
            sent["Cookie"] = self._cookie
        content = None
        if isinstance(body, bytes):
            content = body
        elif body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if self._http is None:
            self._http = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            self._http.request(method, path, content, sent)
            response = self._http.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            self._http = None
            return None
        told = {name.lower(): value for name, value in response.getheaders()}
        if "set-cookie" in told:
            self._cookie = told["set-cookie"].partition(";")[0]
        return Answer(response.status, told, json.loads(raw) if raw else None, repeated)


class Client(threading.Thread):
    """Does one thing after another until the run is over.

    violations: why it ended before that, were it an answer that the service must not give or one that nobody can read.
    """

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._act = act
        self.violations: list[str] = []

    def run(self) -> None:
        """See the class."""
        try:
            while True:
                self._act()
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001  whatever ended a client is a finding
            self.violations.append(f"{self.name}: {type(error).__name__}: {error}")
