"""Records out as files: GeoJSON (RFC 7946), CSV, GeoPackage; only what the transaction's scope shows."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import orjson
import shapely

from gridgov.access import Rows
from gridgov.errors import InvalidValue
from gridgov.exchange.batches import Batch
from gridgov.exchange.geopackage_writer import write_geopackage
from gridgov.exchange.neutral import neutralised
from gridgov.geo import Language, interior_point
from gridgov.models import Field, RecordKind
from gridgov.store import Query, Tx

_DECIMALS = 9  # of a degree: a tenth of a millimetre
_BATCH = 5_000
_INTERNAL = frozenset({"zone", "revision", "payload_hash", "valid_to", "contact_id"})
_CSV_SPECIAL = re.compile(r'[",\r\n]')


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format of exports: its title, its ending and its media type."""

    name: str
    title: str
    ending: str
    media_type: str


EXPORT_FORMATS = MappingProxyType(
    {
        made.name: made
        for made in (
            ExportFormat("geojson", "GeoJSON", ".geojson", "application/geo+json"),
            ExportFormat("csv", "CSV", ".csv", "text/csv; charset=utf-8"),
            ExportFormat("gpkg", "GeoPackage", ".gpkg", "application/geopackage+sqlite3"),
        )
    }
)


def export(
    tx: Tx,
    kind: RecordKind,
    form: str,
    target: Path | BinaryIO,
    query: Query | None = None,
    language: Language | None = None,
) -> int:
    """Write the records of a kind to a new file or a binary stream; returns how many.

    query: which ones (its limit and cursor do not count); None for all living ones. language: labels of
    fields and terms in "zh" or "en"; None for the stored names. A file at `target` is replaced only when the
    new one is complete. GeoPackage needs a path. Raises InvalidValue for an unknown format, and what Tx.each
    raises.
    """
    if form not in EXPORT_FORMATS:
        message = f"{form!r} is no export format; take one of {', '.join(EXPORT_FORMATS)}."
        raise InvalidValue(message, value=form)
    fields = exported_fields(tx, kind)
    batches = (_labelled(batch, fields, language) for batch in _batches(tx, kind, fields, query))
    names = [_heading(field, language) for field in fields]
    if form == "gpkg":
        if not isinstance(target, Path):
            raise InvalidValue("A GeoPackage is written to a file, not to a stream.", value=form)
        with _finished(target) as path:
            return write_geopackage(path, kind, fields, names, batches)
    write = _WRITERS[form]
    if isinstance(target, Path):
        with _finished(target) as path, path.open("wb") as stream:
            return write(stream, names, batches)
    with nullcontext(target) as stream:
        return write(stream, names, batches)


def exported_fields(tx: Tx, kind: RecordKind) -> list[Field]:
    """The fields an export shows: those of the scope without gridgov's own bookkeeping."""
    return [
        field for field in kind.all_fields if field.name not in _INTERNAL and tx.scope.shows(kind, field.name)
    ]


class _finished:  # noqa: N801 - used like a function
    """A path beside the target that takes the target's place when the block ends well."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(
            dir=self._target.resolve().parent, prefix=".gridgov-export-"
        )
        return Path(self._folder.name) / self._target.name

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            (Path(self._folder.name) / self._target.name).replace(self._target)
        self._folder.cleanup()


def _batches(tx: Tx, kind: RecordKind, fields: Sequence[Field], query: Query | None) -> Iterator[Batch]:
    names = [field.name for field in fields]
    placed = (
        kind.geometry is not None and tx.scope.rows(kind) is not Rows.OPENED
    )  # opened issues show no place
    if query is None:
        loaded = tx.every(kind, (*names, *(("geometry",) if placed else ())))
        for start in range(0, len(loaded), _BATCH):
            piece = slice(start, start + _BATCH)
            columns = {name: loaded.columns[name][piece] for name in names}
            count = len(columns["id"])
            yield Batch(columns, loaded.geometries[piece] if placed else None, count)
        return
    records = tx.each(kind, query)
    while part := list(islice(records, _BATCH)):
        columns = {name: [record[name] for record in part] for name in names}
        shapes = np.array([*(record.geometry for record in part), None], dtype=object)[:-1]
        yield Batch(columns, shapes if placed else None, len(part))


def _heading(field: Field, language: Language | None) -> str:
    """The column's name: the stored one, or the label with its unit in brackets, which an import reads again."""
    if language is None:
        return field.name
    label = field.label(language)
    return f"{label}({field.unit})" if field.unit and "（" not in label else label


def _labelled(batch: Batch, fields: Sequence[Field], language: Language | None) -> Batch:
    if language is None:
        return batch
    columns = dict(batch.columns)
    for field in fields:
        if field.vocabulary is not None:
            labels = {
                code: field.vocabulary.label(code, language) for code in set(columns[field.name]) if code
            }
            columns[field.name] = [labels.get(code) for code in columns[field.name]]
    return Batch(columns, batch.geometries, batch.count)


def plain(value: Any) -> Any:
    """A value as JSON has it: times and days in ISO form, the rest as it is."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, dt.date) else value


def rounded(geometries: Any) -> Any:
    """Geometries with coordinates of nine decimals, so that files are short and exact to a tenth of a millimetre."""
    return shapely.transform(geometries, lambda lonlat: np.round(lonlat, _DECIMALS))


def _write_geojson(stream: BinaryIO, names: Sequence[str], batches: Iterator[Batch]) -> int:
    written = 0
    stream.write(b'{"type":"FeatureCollection","features":[')
    for batch in batches:
        shapes = (
            [None] * batch.count
            if batch.geometries is None
            else shapely.to_geojson(rounded(batch.geometries))
        )
        rows = zip(*batch.columns.values(), strict=True)
        for row, identifier, shape in zip(rows, batch.columns["id"], shapes, strict=True):
            properties = orjson.dumps({name: plain(value) for name, value in zip(names, row, strict=True)})
            stream.write(b",\n" if written else b"\n")
            stream.write(
                b'{"type":"Feature","id":' + orjson.dumps(identifier)
                + b',"geometry":' + (shape.encode() if shape else b"null")
                + b',"properties":' + properties + b"}"
            )  # fmt: skip
            written += 1
    stream.write(b"\n]}\n")
    return written


def _write_csv(stream: BinaryIO, names: Sequence[str], batches: Iterator[Batch]) -> int:
    written = 0
    header: list[str] | None = None
    for batch in batches:
        columns = [[_cell(value) for value in column] for column in batch.columns.values()]
        placed = batch.geometries is not None
        if placed:
            columns += _places(batch.geometries)
        if header is None:
            header = _write_header(stream, names, placed)
        stream.writelines(",".join(row).encode() + b"\r\n" for row in zip(*columns, strict=True))
        written += batch.count
    if header is None:
        _write_header(stream, names, placed=False)
    return written


def _write_header(stream: BinaryIO, names: Sequence[str], placed: bool) -> list[str]:
    header = [_quoted(name) for name in (*names, *(("lon", "lat", "WKT") if placed else ()))]
    stream.write(b"\xef\xbb\xbf" + ",".join(header).encode() + b"\r\n")
    return header


def _places(geometries: Any) -> list[list[str]]:
    """Longitude, latitude (of an interior point) and WKT as cells; empty where there is no geometry."""
    inside = interior_point(geometries)
    lon, lat = (
        [f"{value:.{_DECIMALS}f}" if np.isfinite(value) else "" for value in axis] for axis in inside.T
    )
    texts = shapely.to_wkt(rounded(geometries), rounding_precision=_DECIMALS, trim=True)
    return [lon, lat, [_quoted(text or "") for text in texts]]


def _cell(value: Any) -> str:
    """A value as a cell: text that a spreadsheet would take for a formula is neutralised, lists are joined."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "、".join(value)
    match value:
        case None:
            return ""
        case str():
            return _quoted(neutralised(value))
        case bool() | list() | dict():
            return _quoted(orjson.dumps(value).decode())
        case int() | float():
            return repr(value)
        case _:
            return str(plain(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _CSV_SPECIAL.search(text) or text != text.strip() else text


_WRITERS: Mapping[str, Callable[[BinaryIO, Sequence[str], Iterator[Batch]], int]] = MappingProxyType(
    {"geojson": _write_geojson, "csv": _write_csv}
)
