"""Limits that every reader keeps."""

from __future__ import annotations

from pathlib import Path

from gridgov.errors import TooLarge


def too_many_rows(path: Path, count: int, limit: int) -> TooLarge:
    """More rows than one import may have."""
    message = (
        f"{path.name} has {count:,} rows, more than GRIDGOV_IMPORT_MAX_ROWS = {limit:,}; "
        "split the file or raise the setting."
    )
    return TooLarge(message, file=path.name, setting="GRIDGOV_IMPORT_MAX_ROWS", limit=limit)
