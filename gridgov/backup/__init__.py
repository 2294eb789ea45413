"""Nothing is lost: backups made while the service runs, restoring them, and moving to another store."""

from __future__ import annotations

from gridgov.backup.making import back_up
from gridgov.backup.manifest import Manifest
from gridgov.backup.restoring import Restored, restore, verify
from gridgov.backup.transferring import Transferred, transfer

__all__ = [
    "Manifest",
    "Restored",
    "Transferred",
    "back_up",
    "restore",
    "transfer",
    "verify",
]
