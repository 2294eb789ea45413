"""The explained link: which areas hold a position, by which rule, and what makes it doubtful."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import schemas
from api.answers import answer, from_linker, named, sentences
from api.deps import ScopedCall
from api.geometry import read_crs, read_numbers, read_position
from api.querying import known_parameters
from gridgov.errors import InvalidValue

router = APIRouter(tags=["link"])


@router.get("/api/link", response_class=Response, **schemas.link())
def explain_link(request: Request, call: ScopedCall) -> Response:
    """Link a position to the areas in force, and say why, in Chinese and English."""
    given = known_parameters(request.query_params.multi_items(), ("lon", "lat", "crs", "accuracy"))
    if "lon" not in given or "lat" not in given:
        raise InvalidValue(
            "Give “lon” and “lat”: longitude first, or easting and northing with “crs”.", field="lon"
        )
    crs = read_crs(given.get("crs"))
    ((x,), (y,)) = (read_numbers(name, given[name], 1) for name in ("lon", "lat"))
    lon, lat = read_position(x, y, crs)
    accuracy = read_numbers("accuracy", given["accuracy"], 1)[0] if "accuracy" in given else None
    with call.read() as tx:
        linker = call.reading_linker(tx)
        links = named(tx, [from_linker(link) for link in linker.link(lon, lat, accuracy)])
    explanation = {language: sentences(links, language, accuracy) for language in ("zh", "en")}
    result = {
        "lon": lon,
        "lat": lat,
        "crs": crs.key,
        "accuracy_m": accuracy,
        "edition_set": linker.edition_set,
        "links": links,
        "explanation": explanation,
    }
    return answer(request, result)
