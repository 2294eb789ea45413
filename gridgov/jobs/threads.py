"""Work in a thread that nobody has to wait for: a process may end while it goes on.

The threads of concurrent.futures are joined when the interpreter ends, however long they take. A job that is still at
work then was handed back before, and what it writes later no longer counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class _Landing:
    """Hands whatever its block raises to the future, for whoever looks at that."""

    def __init__(self, future: Future[_Result]) -> None:
        self._future = future

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


def begin(work: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs) -> Future[_Result]:
    """Run `work` in a thread of its own; the future has what it returns or raises. Raises RuntimeError: no thread."""
    future: Future[_Result] = Future()

    def run() -> None:
        with _Landing(future):
            future.set_result(work(*given, **named))

    threading.Thread(target=run, name="gridgov-job", daemon=True).start()
    return future
