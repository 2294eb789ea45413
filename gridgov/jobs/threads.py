"""Work in a thread that nobody has to wait for: a process may end while it goes on.

The threads of concurrent.futures are joined when the interpreter ends, however long they take. A job that is still at
work then was handed back before, and what it writes later no longer counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def begin(work: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs) -> Future[_Result]:
    """Run `work` in a thread of its own; the future has what it returns or raises. Raises RuntimeError: no thread."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            result = work(*given, **named)
        except BaseException as error:  # noqa: BLE001 (handed to whoever looks at the future)
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="gridgov-job", daemon=True).start()
    return future
