"""What every table description starts from: the one `MetaData`, and the row number of larger tables."""

from __future__ import annotations

from sqlalchemy import Column, Identity, MetaData

from gridgov.store.types import Count

metadata = MetaData()


def fid_column() -> Column[int]:
    """The row number of a table, given by the database."""
    # GeoPackage and R*Tree need an INTEGER PRIMARY KEY. On PostgreSQL it is only a stable row number: there the
    # primary key is info["primary"], which starts with the zone, so that tables can be partitioned by it.
    return Column("fid", Count(), Identity(always=False), primary_key=True)
