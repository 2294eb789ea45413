"""Unpack what people upload: zips without paths that lead outside, bombs or links; KML without entities."""

from __future__ import annotations

import codecs
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gridgov.errors import TooLarge, UnreadableFile, UnsafeArchive
from gridgov.settings import Settings

MOST_FILES = 2_000  # files of one archive; a File Geodatabase of a city has some hundred
HIGHEST_RATIO = 200  # unpacked to packed bytes; blank-padded DBF reaches 60, a bomb 1,000
_RATIO_COUNTS_FROM = 10 * 1024**2  # small files may be as repetitive as they like
_CHUNK = 1024**2
_LONGEST_NAME = 255  # bytes of a file's name on every usual disk
_LONGEST_PATH = (
    2_000  # bytes of folders and name together; the system allows 4,096 with the place it is unpacked to
)
_UTF8_NAME = 0x800  # the zip flag that says a name is UTF-8
_ENCRYPTED = 0x1
# What reading a damaged zip raises: wrong sums, broken streams, names in no encoding, methods nobody knows.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)
_FORBIDDEN_XML = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def unpack(path: Path, folder: Path, settings: Settings) -> list[Path]:
    """Unpack a zip into `folder` and return its files. Nothing is written for a name that leads outside.

    Raises UnsafeArchive (outside paths, names no file can have, links, too many files, compressed too well),
    TooLarge (names the setting), UnreadableFile (damaged or encrypted).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
            _check_members(path, members, settings)
            names = [_safe_name(path, member) for member in members]
            _check_places(path, names)
            targets = [folder / name for name in names]
            left = settings.unpacked_max_bytes
            for member, target in zip(members, targets, strict=True):
                left -= _extract(archive, member, target, left, settings)
    except BROKEN_ZIP as error:
        message = f"{path.name} is a damaged or cut-off zip archive ({error}); pack it again."
        raise UnreadableFile(message, file=path.name) from error
    return targets


def check_kml(path: Path) -> None:
    """Raises UnsafeArchive for a KML that declares a document type or entities, in UTF-8 or UTF-16."""
    content = path.read_bytes()
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if content.startswith(mark):
            content = content.decode(encoding, errors="replace").encode("utf-8")
    if b"\x00" in content[:4096]:
        message = f"{path.name} is not in UTF-8 or UTF-16 with a byte-order mark; save it as UTF-8."
        raise UnreadableFile(message, file=path.name)
    if _FORBIDDEN_XML.search(content):
        message = f"{path.name} declares a DOCTYPE or ENTITY, which KML never needs; remove the declaration."
        raise UnsafeArchive(message, file=path.name)


def _check_members(path: Path, members: list[zipfile.ZipInfo], settings: Settings) -> None:
    if len(members) > MOST_FILES:
        message = (
            f"{path.name} holds {len(members)} files, more than {MOST_FILES}; pack only the layer's own."
        )
        raise UnsafeArchive(message, file=path.name, files=len(members))
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > _RATIO_COUNTS_FROM and unpacked > HIGHEST_RATIO * max(packed, 1):
        message = (
            f"{path.name} would unpack to {unpacked // max(packed, 1)} times its size, "
            f"more than {HIGHEST_RATIO}; no map data compresses so well. Send real files unpacked."
        )
        raise UnsafeArchive(message, file=path.name, unpacked=unpacked, packed=packed)
    if unpacked > settings.unpacked_max_bytes:
        raise _too_large(path.name, unpacked, settings)
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise UnreadableFile(f"{path.name} is encrypted; pack it without a password.", file=path.name)
        if stat.S_ISLNK(member.external_attr >> 16):
            message = f"{path.name} holds the link {_name(member)}; pack the file itself."
            raise UnsafeArchive(message, file=path.name, member=_name(member))


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, settings: Settings
) -> int:
    """Write one member, counting what really comes out (headers may lie). Returns the bytes written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        for chunk in _chunks(archive, member):
            written += len(chunk)
            if written > left:
                raise _too_large(str(archive.filename), settings.unpacked_max_bytes + 1, settings)
            file.write(chunk)
    return written


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """What a member unpacks to, piece by piece. Raises BadZipFile also where its place lies outside the file."""
    try:
        with archive.open(member) as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise zipfile.BadZipFile(str(error)) from error


def _safe_name(path: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    name = _name(member)
    inside = PurePosixPath(name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or re.match(r"^[A-Za-z]:", name) or "\x00" in name:
        message = f"{path.name} holds {name!r}, a path out of the archive; pack it again without folders."
        raise UnsafeArchive(message, file=path.name, member=name)
    if not inside.parts:
        message = f"{path.name} holds a file without a name ({name!r}); pack it again."
        raise UnsafeArchive(message, file=path.name, member=name)
    lengths = [len(part.encode(errors="replace")) for part in inside.parts]
    if max(lengths) > _LONGEST_NAME or sum(lengths) + len(lengths) > _LONGEST_PATH:
        message = (
            f"{path.name} holds {name!r:.60}…, a name too long for a file; shorten it and pack it again."
        )
        raise UnsafeArchive(message, file=path.name, member=name[:200])
    return inside


def _check_places(path: Path, names: list[PurePosixPath]) -> None:
    """Raises UnsafeArchive when two members would be one file, or one of them the folder of another."""
    taken: set[PurePosixPath] = set()
    for name in names:
        if name in taken:
            message = f"{path.name} holds {str(name)!r} twice; pack it again."
            raise UnsafeArchive(message, file=path.name, member=str(name))
        taken.add(name)
    folders = {parent for name in names for parent in name.parents}
    for name in names:
        if name in folders:
            message = f"{path.name} holds {str(name)!r} as a file and as a folder; pack it again."
            raise UnsafeArchive(message, file=path.name, member=str(name))


def _name(member: zipfile.ZipInfo) -> str:
    """The member's name; Chinese Windows packs names in GBK without saying so."""
    if member.flag_bits & _UTF8_NAME or member.filename.isascii():
        return member.filename
    raw = member.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _too_large(name: str, size: int, settings: Settings) -> TooLarge:
    message = (
        f"{Path(name).name} unpacks to {size:,} bytes or more, above GRIDGOV_UNPACKED_MAX_BYTES = "
        f"{settings.unpacked_max_bytes:,}; split the file or raise the setting."
    )
    return TooLarge(message, setting="GRIDGOV_UNPACKED_MAX_BYTES", limit=settings.unpacked_max_bytes)
