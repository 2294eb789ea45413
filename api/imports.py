"""Import by upload: the file goes to disk as it arrives, is checked, and is loaded in one transaction or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from api import hot, schemas
from api.answers import answer
from api.deps import Call, ScopedCall
from api.querying import known_parameters, read_truth
from api.rights import write_action
from gridgov.access import allow
from gridgov.errors import InvalidValue
from gridgov.exchange.planning import Options
from gridgov.exchange.report import Report
from gridgov.importing import import_file, layer_target

router = APIRouter(tags=["import and export"])

_PARAMETERS: Final = ("kind", "crs", "axes", "scheme", "source_layer", "dry_run", "skip_bad")
_MAPPINGS_MAX: Final = 500
_NAME_BYTES: Final = 200


@router.post("/api/import", response_class=Response, **schemas.importing())
def import_records(
    request: Request, call: ScopedCall, form: Annotated[FormData, Depends(hot.upload_form)]
) -> Response:
    """Check a file and load it; the answer is the report. With `dry_run=true` nothing is written."""
    try:
        report = _import(request, call, form)
    finally:
        for _, part in form.multi_items():
            if isinstance(part, UploadFile):
                part.file.close()
    return answer(request, {**report.as_dict(), "faulty_places": report.faulty_places()})


def _import(request: Request, call: Call, form: FormData) -> Report:
    pairs = request.query_params.multi_items()
    given = known_parameters([pair for pair in pairs if pair[0] != "map"], _PARAMETERS)
    kind, constants = layer_target(given.get("kind", ""))
    allow(call.actor, write_action(kind.name))
    mapping = [value for name, value in pairs if name == "map"]
    if len(mapping) > _MAPPINGS_MAX:
        raise InvalidValue(f"At most {_MAPPINGS_MAX} columns can be mapped.", field="map")
    options = Options.from_words(
        crs=given.get("crs", ""),
        axes=given.get("axes", ""),
        mapping=mapping,
        scheme=given.get("scheme", ""),
        layer=given.get("source_layer", ""),
        constants=constants,
    )
    call.confirm()  # the file may have been on its way for minutes
    with tempfile.TemporaryDirectory(prefix="gridgov-upload-") as folder:
        return import_file(
            call.service.store,
            call.scope,
            call.now,
            _saved(form, Path(folder)),
            kind,
            settings=call.service.settings,
            linkers=call.service.linkers,
            options=options,
            skip_bad=read_truth("skip_bad", given.get("skip_bad")),
            dry_run=read_truth("dry_run", given.get("dry_run")),
        )


def _saved(form: FormData, folder: Path) -> Path:
    """The uploaded file below `folder`, under its own name without anything that could lead elsewhere."""
    unknown = sorted(name for name in form if name != "file")
    upload: Any = form.get("file")
    if unknown or not isinstance(upload, UploadFile):
        raise InvalidValue("Send exactly one file, in the part “file”.", field="file")
    name = re.sub(r"[^\w.()（）+ -]", "_", Path((upload.filename or "").replace("\\", "/")).name)
    # File systems count bytes, of which a Chinese character has three; the ending says what kind of file it is.
    name = name.encode()[-_NAME_BYTES:].decode(errors="ignore").strip(". ")
    path = folder / (name or "upload")
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target, 1024**2)
    return path
