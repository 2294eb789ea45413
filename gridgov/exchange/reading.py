"""From a path to a `SourceTable`: the live store refused, archives unpacked, the format found."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from gridgov.errors import LiveStoreFile, NotFound, TooLarge, UnreadableFile
from gridgov.exchange.archive import unpack
from gridgov.exchange.registry import FORMATS, Format, ReadOptions, detect, reader
from gridgov.exchange.source import SourceTable
from gridgov.settings import Settings

_SQLITE = "sqlite:///"
_CHUNK = 1024**2
_WHOLE = frozenset({"csv", "xlsx", "kml", "dxf"})  # formats read into memory whole


def read_source(path: Path, settings: Settings, layer: str = "") -> SourceTable:
    """Read a file, a folder (.gdb, Shapefile) or a zip of either.

    layer: layer or sheet to read, "" for the only one. Raises NotFound, LiveStoreFile, UnreadableFile with
    its children, TooLarge (names the setting), InvalidValue (several layers: lists them), UnsupportedDatum.
    """
    check_path(path, settings)
    form = detect(path)
    _check_size(path, form, settings)
    options = ReadOptions(settings, layer)
    if form.name != "zip":
        return reader(form)(path, form, options)
    with tempfile.TemporaryDirectory(prefix="gridgov-import-") as folder:
        inside = _content_of_archive(path, Path(folder), settings)
        form = detect(inside)
        _check_size(inside, form, settings)
        return reader(form)(inside, form, options)


def check_path(path: Path, settings: Settings) -> None:
    """Raises NotFound, LiveStoreFile for the open store and its companions."""
    if not path.exists():
        raise NotFound(f"There is no file {path.name}; check the path.", file=path.name)
    if settings.database_url.startswith(_SQLITE):
        store = Path(settings.database_url.removeprefix(_SQLITE)).resolve()
        files = (store, store.with_name(f"{store.stem}.private.sqlite"))
        stem = str(path.resolve()).removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
        if any(stem == str(file) or (file.exists() and path.samefile(file)) for file in files):
            message = (
                f"{path.name} is the open store itself; export a copy with `gridgov export` and import that."
            )
            raise LiveStoreFile(message, file=path.name)
    if Path(f"{path}-wal").exists():
        message = (
            f"{path.name} is open in another program (a -wal file stands beside it); close it there first."
        )
        raise LiveStoreFile(message, file=path.name)


def _check_size(path: Path, form: Format, settings: Settings) -> None:
    """Raises TooLarge for a file of a format that is read into memory whole, above the upload limit."""
    size, limit = path.stat().st_size, settings.upload_max_bytes
    if form.name in _WHOLE and size > limit:
        message = (
            f"{path.name} has {size:,} bytes, more than GRIDGOV_UPLOAD_MAX_BYTES = {limit:,}; "
            "split the file or raise the setting."
        )
        raise TooLarge(message, file=path.name, setting="GRIDGOV_UPLOAD_MAX_BYTES", limit=limit)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content; of a folder's files with their names, in order of names."""
    digest = hashlib.sha256()
    for each in _files(path):
        if path.is_dir():
            digest.update(each.relative_to(path).as_posix().encode() + b"\0")
        with each.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    """The file itself; a Shapefile's companions with it; the files of a folder."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file())
    if path.suffix.lower() == ".shp":
        return sorted(each for each in path.parent.iterdir() if each.stem == path.stem and each.is_file())
    return [path]


def _content_of_archive(path: Path, folder: Path, settings: Settings) -> Path:
    """What to read of an unpacked zip: its one .gdb, .shp, KML or other layer file."""
    files = unpack(path, folder, settings)
    databases = sorted(
        {parent for file in files for parent in file.parents if parent.suffix.lower() == ".gdb"}
    )
    endings = {ending for form in FORMATS.values() if form.reader for ending in form.endings} - {".txt"}
    layers = [file for file in files if file.suffix.lower() in endings and "__MACOSX" not in file.parts]
    shapes = [file for file in layers if file.suffix.lower() == ".shp"]
    candidates = databases or shapes or layers
    if len(candidates) == 1:
        return candidates[0]
    names = (
        ", ".join(each.name for each in candidates)
        or ", ".join(file.name for file in files[:10])
        or "nothing"
    )
    message = f"{path.name} must hold exactly one layer file; it holds {names}. Pack one layer by itself."
    raise UnreadableFile(message, file=path.name)
