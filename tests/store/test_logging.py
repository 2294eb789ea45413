"""What goes wrong in the database is told without the values, which may be a name or a phone number."""

from __future__ import annotations

import datetime as dt

import pytest

from gridgov.access import Scope
from gridgov.store import Store
from gridgov.store.queries.contacts import add_contact

PHONE = "13812345678"


def test_an_error_of_the_database_names_no_personal_data(
    store: Store, system: Scope, now: dt.datetime
) -> None:
    broken = "ALTER TABLE contacts RENAME COLUMN phone TO telephone"

    def write() -> None:
        with store.begin(system, now, write=True) as tx:
            tx.connection.exec_driver_sql(broken)  # type: ignore[attr-defined]  # behind the protocol on purpose
            add_contact(tx, "00000000-0000-0000-0000-000000000001", "张三", PHONE)

    with pytest.raises(Exception, match="phone") as caught:
        write()
    told = f"{caught.value} {caught.value.__cause__}"
    assert PHONE not in told
    assert "张三" not in told
