"""Listings: an offer of a unit or a parcel, marked where its asset lies, public while published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from gridgov import geo, records
from gridgov.errors import InvalidValue, NotFound
from gridgov.models import LISTINGS, PARCELS, PLANTS, UNITS, Record
from gridgov.models.checking import checked, checked_identifier, checked_values
from gridgov.serving.linking import Linker
from gridgov.store import Tx, Write


def create(tx: Tx, values: Mapping[str, Any], linker: Linker, payload: Any = None) -> Write:
    """Create a listing; without a geometry its mark is a point inside the plant or parcel it offers.

    Raises InvalidValue when the asset does not exist or the listing would expire before it is published.
    """
    sent = values if payload is None else payload
    ready = dict(values)
    check_period(ready)
    shape = _asset_shape(tx, ready)
    if ready.get("geometry") is None:
        ready["geometry"] = _mark(shape)
    return records.create(tx, LISTINGS, ready, linker, sent)


def change(tx: Tx, identifier: str, version: int, values: Mapping[str, Any], linker: Linker) -> Record:
    """Change a listing; also publishes it and lets it expire, by `published_at` and `expires_at`.

    Another asset moves the mark to it, unless a place is given too.
    """
    before = tx.get(LISTINGS, identifier)
    ready = dict(values)
    check_period({**before, **ready})
    if {"asset_kind", "asset_id"} & set(ready):
        shape = _asset_shape(tx, {**before, **ready})
        if ready.get("geometry") is None:
            ready["geometry"] = _mark(shape)
    return records.change(tx, LISTINGS, identifier, version, ready, linker)


def _mark(shape: Any) -> Any:
    ((lon, lat),) = geo.interior_point(np.array([shape, None], dtype=object)[:-1])
    return shapely.Point(lon, lat)


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


def _asset_shape(tx: Tx, values: Mapping[str, Any]) -> Any:
    """The polygon of the plant or parcel that `values` offer. Raises InvalidValue when there is none."""
    kind = checked(LISTINGS.by_name["asset_kind"], values.get("asset_kind"))
    identifier = checked_identifier(values.get("asset_id"), "asset_id")
    try:
        if kind == UNITS.name:
            return tx.get(PLANTS, tx.get(UNITS, identifier)["plant_id"]).geometry
        if kind == PARCELS.name:
            return tx.get(PARCELS, identifier).geometry
    except NotFound as error:
        raise InvalidValue(
            f"The listing offers {kind} {identifier}, which does not exist here.", field="asset_id"
        ) from error
    raise InvalidValue("“asset_kind” must be units or parcels.", field="asset_kind")
