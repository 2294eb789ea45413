"""The one place where a domain query gets at the connection behind a transaction."""

from __future__ import annotations

from typing import cast

from gridgov.store.base import Tx
from gridgov.store.transaction import Transaction


def inside(tx: Tx) -> Transaction:
    """The transaction with its connection and dialect; both stores hand out this one class."""
    return cast("Transaction", tx)
