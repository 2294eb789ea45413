"""Read a DXF drawing: closed polylines and hatches as polygons, with their layer and the text inside as code.

A drawing has no coordinate system and no attributes, so the first is asked for and the second are the layer's name
and the labels that lie within a shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from ezdxf import recover
from ezdxf.lldxf.const import DXFError
from ezdxf.path import from_hatch, make_path

from gridgov.errors import UnreadableFile
from gridgov.exchange.limits import too_many_rows
from gridgov.exchange.registry import Format, ReadOptions
from gridgov.exchange.source import SourceTable
from gridgov.geo.transform import Geometries
from gridgov.geo.words import Words

_CHORD = 0.01  # drawing units that a chord may lie off its arc: a centimetre, as drawings are in metres
_CLOSES = 1e-6  # drawing units between first and last vertex of a ring
_SHAPES = "LWPOLYLINE POLYLINE HATCH"


def read(path: Path, form: Format, options: ReadOptions) -> SourceTable:
    """Read the model space. Raises UnreadableFile for a damaged drawing or one without closed shapes; TooLarge."""
    drawing = _opened(path, form)
    model = drawing.modelspace()
    polygons, layers, skipped = _polygons(model.query(_SHAPES))
    if not polygons:
        message = (
            f"{path.name} holds no closed polyline and no hatch in its model space"
            f"{f' ({skipped} open ones)' if skipped else ''}; close the borders and save it again."
        )
        raise UnreadableFile(message, file=path.name)
    if len(polygons) > options.settings.import_max_rows:
        raise too_many_rows(path, len(polygons), options.settings.import_max_rows)
    geometries = np.array([*polygons, None], dtype=object)[:-1]
    codes, notes = _labels(geometries, model.query("TEXT MTEXT"))
    if skipped:
        notes.append(Words(f"{skipped} 条未闭合的多段线未读取", f"{skipped} open polylines were left out"))
    return SourceTable(
        format=form.name,
        columns={
            "code": pa.array(codes, pa.string()),
            "图层": pa.array(layers, pa.string()),
        },
        geometries=geometries,
        rows=np.arange(1, len(polygons) + 1, dtype=np.int64),
        order="east-north",
        encoding=drawing.encoding.upper(),
        encoding_evidence=Words(
            f"图形版本 {drawing.acad_release}，$DWGCODEPAGE={drawing.header.get('$DWGCODEPAGE', '')}",
            f"version {drawing.acad_release}, $DWGCODEPAGE={drawing.header.get('$DWGCODEPAGE', '')}",
        ),
        notes=tuple(notes),
    )


def _opened(path: Path, form: Format) -> Any:
    try:
        drawing, auditor = recover.readfile(path)
    except (OSError, DXFError, ValueError, IndexError) as error:
        message = (
            f"{path.name} cannot be read as {form.title}: it is cut off or damaged ({error}). Save it again."
        )
        raise UnreadableFile(message, file=path.name) from error
    if auditor.has_errors:
        first = auditor.errors[0].message
        message = f"{path.name} is damaged ({first}); repair it with AUDIT in CAD and save it again."
        raise UnreadableFile(message, file=path.name)
    return drawing


def _polygons(entities: Iterable[Any]) -> tuple[list[Any], list[str], int]:
    """Polygons, their layers, and how many polylines were left out because they are open."""
    polygons: list[Any] = []
    layers: list[str] = []
    skipped = 0
    for entity in entities:
        rings = _rings(entity)
        if not rings:
            skipped += entity.dxftype() != "HATCH"
            continue
        polygons.append(_with_holes(rings))
        layers.append(entity.dxf.layer)
    return polygons, layers, skipped


def _rings(entity: Any) -> list[Any]:
    """The closed rings of an entity, (vertices, 2) each; arcs as chords within a centimetre."""
    if entity.dxftype() == "HATCH":
        paths = [each for each in from_hatch(entity) if len(each)]
    elif (
        getattr(entity, "is_3d_polyline", False) or entity.dxftype() == "LWPOLYLINE" or entity.is_2d_polyline
    ):
        paths = [make_path(entity)]
    else:
        return []
    rings = []
    for path in paths:
        vertices = np.array([(point.x, point.y) for point in path.flattening(_CHORD)])
        if len(vertices) < 3:
            continue
        closed = entity.dxftype() == "HATCH" or entity.is_closed
        if closed or np.abs(vertices[0] - vertices[-1]).max() <= _CLOSES:
            if not np.array_equal(vertices[0], vertices[-1]):
                vertices = np.vstack((vertices, vertices[:1]))
            if len(vertices) >= 4:
                rings.append(vertices)
    return rings


def _with_holes(rings: list[Any]) -> Any:
    """One geometry of all rings of an entity: what lies within an even number of them is a hole."""
    if len(rings) == 1:
        return shapely.Polygon(rings[0])
    shape = shapely.make_valid(shapely.Polygon(rings[0]))
    for ring in rings[1:]:
        shape = shapely.symmetric_difference(shape, shapely.make_valid(shapely.Polygon(ring)))
    return shape


def _labels(polygons: Geometries, texts: Iterable[Any]) -> tuple[list[str | None], list[Words]]:
    """The one text within each polygon; None without or with several, which is noted."""
    words: list[str] = []
    places: list[tuple[float, float]] = []
    for text in texts:
        said = (text.plain_text() if text.dxftype() == "MTEXT" else text.dxf.text).strip()
        if said:
            words.append(said.split("\n")[0].strip())
            places.append((text.dxf.insert.x, text.dxf.insert.y))
    found: list[list[str]] = [[] for _ in polygons]
    if words:
        sound = np.array([*(shape if shape.is_valid else None for shape in polygons), None], dtype=object)[
            :-1
        ]
        tree = shapely.STRtree(sound)
        inside, shape_of = tree.query(shapely.points(places), predicate="within")
        for label, shape in zip(inside.tolist(), shape_of.tolist(), strict=True):
            found[shape].append(words[label])
    several = [position + 1 for position, labels in enumerate(found) if len(set(labels)) > 1]
    notes = [
        Words(
            f"第 {row} 个图形内有多个文字（{'、'.join(found[row - 1][:5])}），未取编号",
            f"shape {row} has several labels inside ({', '.join(found[row - 1][:5])}); no code was taken",
        )
        for row in several[:20]
    ]
    return [labels[0] if len(set(labels)) == 1 else None for labels in found], notes
