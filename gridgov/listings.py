"""Listings: an offer of a unit or a parcel, marked where its asset lies, public while published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from gridgov import geo, records
from gridgov.errors import InvalidValue, NotFound
from gridgov.models import KINDS, LISTINGS, PLANTS, UNITS, Record
from gridgov.models.checking import checked_values
from gridgov.serving.linking import Linker
from gridgov.store import Tx, Write


def create(tx: Tx, values: Mapping[str, Any], linker: Linker, payload: Any = None) -> Write:
    """Create a listing; without a geometry its mark is a point inside the plant or parcel it offers.

    Raises InvalidValue when the asset does not exist or the listing would expire before it is published.
    """
    sent = values if payload is None else payload
    ready = dict(values)
    check_period(ready)
    asset = _asset_shape(tx, ready.get("asset_kind"), ready.get("asset_id"))
    if ready.get("geometry") is None:
        ((lon, lat),) = geo.interior_point(np.array([asset, None], dtype=object)[:-1])
        ready["geometry"] = shapely.Point(lon, lat)
    return records.create(tx, LISTINGS, ready, linker, sent)


def change(tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: Linker) -> Record:
    """Change a listing; also publishes it and lets it expire, by `published_at` and `expires_at`."""
    before = tx.get(LISTINGS, identifier)
    check_period({**before, **checked_values(LISTINGS, values, partial=True)})
    if {"asset_kind", "asset_id"} & set(values):
        after = {**before, **values}
        _asset_shape(tx, after["asset_kind"], after["asset_id"])
    return records.change(tx, LISTINGS, identifier, version, values, linker)


def check_period(values: Mapping[str, Any]) -> None:
    """Raises InvalidValue when the listing would expire before it is published."""
    checked = checked_values(
        LISTINGS, {name: values.get(name) for name in ("published_at", "expires_at")}, partial=True
    )
    start, end = checked["published_at"], checked["expires_at"]
    if end is not None and (start is None or end <= start):
        raise InvalidValue(
            "A listing must be published before it expires; mend the dates.", field="expires_at"
        )


def _asset_shape(tx: Tx, asset_kind: Any, asset_id: Any) -> Any:
    kind = KINDS.get(str(asset_kind))
    try:
        if kind is UNITS:
            return tx.get(PLANTS, tx.get(UNITS, str(asset_id))["plant_id"]).geometry
        if kind is not None and kind.name == "parcels":
            return tx.get(kind, str(asset_id)).geometry
    except NotFound as error:
        raise InvalidValue(
            f"The listing offers {asset_kind} {asset_id}, which does not exist here.", field="asset_id"
        ) from error
    raise InvalidValue("“asset_kind” must be units or parcels.", field="asset_kind")
