"""Copies of uploads on this machine for as long as they are read, and what killed processes left of them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

_PREFIX: Final = "gridgov-copy-"
_UNPACKED: Final = "gridgov-import-"  # by gridgov.exchange.reading, of archives
_PIECE: Final = 1024**2


@contextmanager
def copied(source: BinaryIO, name: str, between: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """What `source` has as a file of that name, for as long as the block runs.

    between: called after each piece; what it raises ends the copying.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        path = Path(folder) / Path(name).name
        with path.open("wb") as target:
            while piece := source.read(_PIECE):
                target.write(piece)
                between()
        yield path


def drop_left_copies(before: dt.datetime) -> int:
    """Delete the copies of this machine, made by this user before then, that nobody reads; returns how many.

    No import takes a day, so whoever made them was killed.
    """
    dropped = 0
    temporary = Path(tempfile.gettempdir())
    for folder in chain(temporary.glob(f"{_PREFIX}*"), temporary.glob(f"{_UNPACKED}*")):
        try:
            found = folder.lstat()
        except FileNotFoundError:  # its import just ended
            continue
        if found.st_uid == os.getuid() and found.st_mtime < before.timestamp():
            shutil.rmtree(folder, ignore_errors=True)
            dropped += not folder.exists()
    return dropped
