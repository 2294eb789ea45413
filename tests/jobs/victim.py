"""A worker in a process of its own, to be killed: it runs the one job slowly, says where it is, and never gets far.

Arguments: the store's address, the folder of blobs. It says "inside" when its effect is written and not committed.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gridgov.jobs import Run, Runner
from gridgov.store import open_store
from tests.jobs.kit import Clock, means_of, pour


def hang_inside(run: Run) -> None:
    """The effect and the end are written; before they are committed the process is killed."""
    with run.write() as tx:
        pour(tx)
        run.finish(tx)
        sys.stdout.write("inside\n")
        sys.stdout.flush()
        threading.Event().wait(120)


if __name__ == "__main__":
    store = open_store(sys.argv[1])
    means = means_of(store, Clock(), Path(sys.argv[2]))
    Runner(means, {"pour": hang_inside}, worker="victim").run_due_once()
