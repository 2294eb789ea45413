"""What is written beside an archive for a while, and what a killed command left of it: it holds names and phones."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

DRAFT, BACKUP, VERIFY = ".gridgov-draft-", ".gridgov-backup-", ".gridgov-verify-"
_STALE = dt.timedelta(days=1)


@contextmanager
def scratch(path: Path, prefix: str) -> Iterator[Path]:
    """A folder beside the archive, where there is as much room, for nobody else to read."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.resolve().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path, now: dt.datetime) -> None:
    """Remove what commands that were killed more than a day ago left in `folder`; what cannot be removed stays."""
    before = (now - _STALE).timestamp()
    for prefix in (DRAFT, BACKUP, VERIFY):
        for left in folder.glob(f"{prefix}*"):
            with suppress(OSError):
                status = left.lstat()
                if status.st_mtime >= before:
                    continue
                if S_ISDIR(status.st_mode):
                    shutil.rmtree(left)
                else:
                    left.unlink()
