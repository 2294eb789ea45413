"""The log: one JSON object per line for programs, or one line for people; neither holds personal data.

A record has its message, what `extra={"facts": {…}}` adds, and the id of the request it belongs to. Of an exception
only its type, its places in the code and what the database or the system calls it are told: its message may repeat
a name, a phone number or what a resident wrote.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType
from typing import Any, Final, TextIO

import orjson
from starlette.requests import HTTPConnection

from api.proxies import Network, is_trusted
from gridgov.settings import Settings
from gridgov.store.watching import CURRENT, Watch

REQUEST_ID: Final = "X-Request-Id"
ACCESS: Final = logging.getLogger("gridgov.access")
OWN: Final = ("gridgov", "uvicorn")
NO_ROUTE: Final = "none"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PLACES: Final = 25  # innermost lines of a traceback that are told
_PATH_PARTS: Final = 3  # of a file's path: enough to find it, nothing of the machine


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Let everything that logs in this process write to `stream` (None: standard error) in the chosen form.

    Other libraries are heard from warnings on: their debug lines repeat what passes through them.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else Lines())
    handler.addFilter(_told_once)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OWN:
        logger = logging.getLogger(name)
        logger.setLevel(settings.log_level.upper())
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # ours names the route instead of the address


def _told_once(record: logging.LogRecord) -> bool:
    """The server repeats an exception that was already logged under its incident number.

    It also tells of each request that it cut off when the time to stop was over as if the request were at fault; how
    many those were it says before.
    """
    if record.name != "uvicorn.error" or record.exc_info is None:
        return True
    watch = CURRENT.get()
    cut_off = isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cut_off and (watch is None or not watch.incident)


def from_proxy(request: HTTPConnection, trusted: Sequence[Network]) -> bool:
    """Whether one of our own proxies passed the request on."""
    return is_trusted(request.client.host if request.client else "", trusted)


def request_id(request: HTTPConnection, trusted: Sequence[Network]) -> str:
    """The id a trusted proxy gave the request, else a new one."""
    given = request.headers.get(REQUEST_ID, "")
    if _ID.fullmatch(given) and from_proxy(request, trusted):
        return given
    return secrets.token_hex(8)


def known_method(method: str) -> str:
    """The method itself, or "other": whoever calls may write anything there."""
    return method if method in METHODS else "other"


def tell_access(watch: Watch, method: str, status: int, seconds: float, size: int) -> None:
    """The line of one request: the route's template, never the address that was asked for."""
    if not ACCESS.isEnabledFor(logging.INFO):
        return
    facts = {
        "method": method,
        "route": watch.route or NO_ROUTE,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "store_ms": round(watch.store_seconds * 1000, 1),
        "statements": watch.statements,
        "bytes": size,
    }
    if watch.incident:
        facts["incident"] = watch.incident
    ACCESS.info("request", extra={"facts": facts})


class JsonLines(logging.Formatter):
    """One JSON object per line: at, level, logger, message, request, the facts, and exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        told: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
            **_facts(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = list(_chain(record.exc_info[1]))
        return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class Lines(logging.Formatter):
    """The same for people: a line, and below it where an exception came from."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, or several with an exception."""
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        head = f"{_instant(record)} {record.levelname} {record.name} {record.getMessage().strip()} {facts}"
        lines = [head.rstrip()]
        if record.exc_info and record.exc_info[1] is not None:
            for each in _chain(record.exc_info[1]):
                known = " ".join(
                    f"{name}={value}" for name, value in each.items() if name not in ("type", "at")
                )
                lines.append(f"  {each['type']} {known}".rstrip())
                lines += [f"    {place}" for place in each["at"]]
        return "\n".join(lines)


def _instant(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    watch = CURRENT.get()
    facts = {"request": watch.request_id} if watch is not None and watch.request_id else {}
    return {**facts, **getattr(record, "facts", {})}


def _chain(error: BaseException) -> Iterator[dict[str, Any]]:
    """An exception and those it came from, outermost first, each once."""
    seen: set[int] = set()
    left: list[BaseException] = [error]
    while left and len(seen) < 10:
        each = left.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield {"type": _type(each), **_known(each), "at": _places(each.__traceback__)}
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
        cause = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        left += [cause] if cause is not None else []


def _type(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _known(error: BaseException) -> dict[str, Any]:
    """What can be told of an exception without its message: names and numbers given by the database or the system."""
    diagnosis = getattr(error, "diag", None)
    found = {
        "sqlstate": getattr(error, "pgcode", None),
        "constraint": getattr(diagnosis, "constraint_name", None),
        "table": getattr(diagnosis, "table_name", None),
        "column": getattr(diagnosis, "column_name", None),
        "sqlite": getattr(error, "sqlite_errorname", None),
        "system": os.strerror(error.errno) if isinstance(error, OSError) and error.errno else None,
    }
    return {name: value for name, value in found.items() if value}


def _places(traceback: TracebackType | None) -> list[str]:
    """file:line function, innermost last."""
    steps = extract_tb(traceback)[-_PLACES:] if traceback is not None else []
    return [
        f"{'/'.join(PurePath(step.filename).parts[-_PATH_PARTS:])}:{step.lineno} {step.name}"
        for step in steps
    ]
