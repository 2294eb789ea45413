"""Export by download: one kind of record or one layer, in what the caller may see."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from api import schemas
from api.deps import ScopedCall
from api.querying import read_listing
from api.records import check_language, with_area
from gridgov.access import Role
from gridgov.errors import InvalidFilter, NotFound
from gridgov.exchange.export import EXPORT_FORMATS, export
from gridgov.geo import Language
from gridgov.importing import layer_target
from gridgov.store import Filter

router = APIRouter(tags=["import and export"])

_LANGUAGES: Final[dict[str, Language]] = {"zh": "zh", "en": "en"}
_OF_PAGES: Final = frozenset({"limit", "cursor", "total", "format"})


@router.get("/api/export/{name}", response_class=Response, **schemas.exporting(EXPORT_FORMATS))
def export_records(request: Request, name: str, call: ScopedCall) -> Response:
    """A file with all records that meet the conditions of a list: `parcels.gpkg`, `parks.geojson`, `units.csv`."""
    layer, _, form = name.rpartition(".")
    if form not in EXPORT_FORMATS:
        endings = ", ".join(each.ending for each in EXPORT_FORMATS.values())
        raise NotFound(f"“{name[:60]}” is no export; ask for a kind or layer with one of {endings}.")
    kind, constants = layer_target(layer)
    pairs = request.query_params.multi_items()
    unwanted = sorted({each for each, _ in pairs if each in _OF_PAGES})
    if unwanted:
        raise InvalidFilter(f"An export has no pages; leave out {', '.join(unwanted)}.", field=unwanted[0])
    languages = [value for each, value in pairs if each == "lang"]
    check_language("lang", languages[0] if languages else None)
    conditions = [(each, value) for each, value in pairs if each != "lang"]
    listing = read_listing(kind, conditions, call.service.settings.page_max)
    folder = Path(tempfile.mkdtemp(prefix="gridgov-export-"))
    try:
        with call.read() as tx:
            query = with_area(tx, kind, listing)
            own = tuple(Filter(field, "eq", value) for field, value in constants.items())
            asked = replace(query, filters=(*query.filters, *own)) if conditions or own else None
            language = _LANGUAGES.get(languages[0]) if languages else None
            count = export(tx, kind, form, folder / name, asked, language)
        if call.actor.role is not Role.PUBLIC:  # what anybody may download is no secret that left the house
            with call.write() as tx:
                call.audit(tx, "export:run", layer, details={"format": form, "records": count})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        folder / name,
        media_type=EXPORT_FORMATS[form].media_type,
        filename=f"{call.zone.zone}-{name}",
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )
