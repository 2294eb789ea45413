"""What a file is by its first bytes, and the pixels of a photo without everything that came along with them.

JPEG and PNG are taken apart here, so that the decoder never sees metadata, second pictures or what follows the end.
Nothing here decodes a pixel.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from gridgov.errors import TooLarge, UnreadableFile, UnsupportedFormat

# More scans than any encoder makes: each one costs a pass over the whole picture, so a small file could take hours.
_SCANS_MAX = 64
# Parts of a file cost time and memory each, however empty: a camera writes some dozens. The pixels of a PNG come in
# pieces of 8 KiB or more.
_PARTS_MAX = 1_000
_PNG_CHUNKS_MAX = 25_000
_GIF_BLOCKS_MAX = 10_000  # of at most 255 bytes each: a comment, a colour profile
_PROFILE_MAX = 2 * 1024**2
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_OTHERS = (
    (rb"%PDF", "a PDF document"),
    (rb"PK\x03\x04", "a ZIP archive or an Office document"),
    (rb"(MM\x00\*|II\*\x00)", "a TIFF or raw picture"),
    (rb"BM", "a BMP picture"),
    (rb"....ftyp(avif|avis)", "an AVIF picture"),
    (rb"....ftyp(heic|heix|hevc|hevx|heim|heis|mif1|msf1)", "an HEIC picture"),
    (rb"....ftyp", "a video"),
    (rb"(\xef\xbb\xbf)?\s*<(?s:.{0,2000})<svg[\s>]|(\xef\xbb\xbf)?\s*<svg", "an SVG drawing"),
    (rb"(\xef\xbb\xbf)?\s*<", "a web page or XML text"),
)
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_GIF_BLOCK = re.compile(rb"[!,;]")
_NO_FILL = re.compile(rb"[^\xff]")
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


@dataclass(frozen=True, slots=True)
class Parts:
    """A photo's parts. data: what the decoder gets. exif: TIFF bytes, "" without. profile: ICC bytes, "" without.

    scans: how often a decoder passes over the whole picture.
    """

    form: str
    width: int
    height: int
    data: bytes
    exif: bytes = b""
    profile: bytes = b""
    scans: int = 1


def take_apart(content: bytes) -> Parts:
    """The parts of a JPEG, PNG, WebP or GIF file, whatever it is called.

    Raises UnsupportedFormat that says what the file is, UnreadableFile for one that is cut off or damaged, TooLarge
    for a JPEG of endless scans and for far more parts than a photo has.
    """
    form = next((name for start, name in _SIGNATURES if content.startswith(start)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        form = "WebP"
    try:
        match form:
            case "JPEG":
                return _jpeg(content)
            case "PNG":
                return _png(content)
            case "WebP":
                return _webp(content)
            case "GIF":
                return _gif(content)
    except (struct.error, IndexError) as error:
        raise _cut_off(form) from error
    raise _other(content)


def _other(content: bytes) -> UnreadableFile:
    if not content:
        return UnreadableFile("The file is empty; send the photo again.")
    found = next((words for start, words in _OTHERS if re.match(start, content[:4096])), "no picture")
    return UnsupportedFormat(
        f"The file is {found}. Photos are taken as JPEG, PNG, WebP or GIF; save it as JPEG and send that."
    )


def _cut_off(form: str) -> UnreadableFile:
    return UnreadableFile(f"The {form} file is cut off or damaged; send the photo again.")


def _bounded(form: str, count: int, most: int = _PARTS_MAX) -> None:
    """Raises TooLarge when a file has more parts than a photo."""
    if count > most:
        raise TooLarge(
            f"The {form} file consists of more than {most} parts, far more than a photo has; "
            "save it anew and send that.",
            limit=most,
        )


def _jpeg(content: bytes) -> Parts:
    """Up to the first end-of-image marker; of the application segments only those that say what the numbers mean."""
    kept, profiles, exif = [content[:2]], [], b""
    size, scans = (0, 0), 0
    for count, (marker, body, segment) in enumerate(_segments(content), start=1):
        _bounded("JPEG", count)
        scans += marker == 0xDA
        if marker in _FRAMES:
            size = struct.unpack_from(">HH", body, 1)
        if marker == 0xE1 and body.startswith(b"Exif\x00\x00"):
            exif = exif or body[6:]
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\x00"):
            profiles.append((body[12], body[14:]))
        if marker < 0xE0 or marker == 0xEE:
            kept.append(segment)
    if scans > _SCANS_MAX:
        raise TooLarge(
            f"The JPEG has {scans} scans, far more than a camera makes; save it anew and send that."
        )
    profile = b"".join(part for _, part in sorted(profiles))
    height, width = size
    return Parts(
        "JPEG", width, height, b"".join(kept), exif, profile if len(profile) <= _PROFILE_MAX else b"", scans
    )


def _segments(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, body and the whole of each segment; a scan's pixels belong to it. The end-of-image marker is the last."""
    position = 2
    while position < len(content):
        if content[position] != 0xFF:
            raise _cut_off("JPEG")
        position = _fill_end(content, position)
        marker = content[position]
        if marker == 0xD9:
            yield marker, b"", b"\xff\xd9"
            return
        (length,) = struct.unpack_from(">H", content, position + 1)
        end = position + 1 + length
        if length < 2 or end > len(content):
            raise _cut_off("JPEG")
        body = content[position + 3 : end]
        if marker == 0xDA:
            following = _END_OF_SCAN.search(content, end)
            end = following.start() if following else len(content)
        yield marker, body, b"\xff" + content[position:end]
        position = end


def _fill_end(content: bytes, position: int) -> int:
    """Where the marker's own byte stands, behind however many 0xFF fill the space before it."""
    found = _NO_FILL.search(content, position)
    if found is None:
        raise _cut_off("JPEG")
    return found.start()


def _png(content: bytes) -> Parts:
    """The chunks of pixels up to IEND; text, animation and private chunks are left out."""
    width, height = struct.unpack_from(">II", content, 16)
    kept, exif, profile, position = [content[:8]], b"", b"", 8
    count = 0
    while position < len(content):
        count += 1
        _bounded("PNG", count, _PNG_CHUNKS_MAX)
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if end > len(content):
            raise _cut_off("PNG")
        body = content[position + 8 : end - 4]
        if kind in _PNG_PIXELS:
            kept.append(content[position:end])
        elif kind == b"eXIf":
            exif = body
        elif kind == b"iCCP":
            profile = _unpacked(body.partition(b"\x00")[2][1:])
        position = end
        if kind == b"IEND":
            break
    return Parts("PNG", width, height, b"".join(kept), exif, profile)


def _gif(content: bytes) -> Parts:
    """The whole file, of which only the first picture is decoded; what comes before that is counted."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    position, count = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0
    # Like the decoder: what stands between two blocks and is none is passed over.
    while (block := _GIF_BLOCK.search(content, position)) and block[0] == b"!":
        position = block.start() + 2
        while length := content[position]:
            position += length + 1
            count += 1
            _bounded("GIF", count, _GIF_BLOCKS_MAX)
        position += 1
        count += 1
        _bounded("GIF", count, _GIF_BLOCKS_MAX)
    return Parts("GIF", width, height, content)


def _unpacked(packed: bytes) -> bytes:
    """A profile unpacked as far as a real one goes; "" for a damaged or an endless one."""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed, _PROFILE_MAX)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""


def _webp(content: bytes) -> Parts:
    """The file up to the length that it declares, with its size read from its first chunk."""
    (length,) = struct.unpack_from("<I", content, 4)
    data = content[: length + 8]
    found: dict[bytes, bytes] = {}
    position, count = 12, 0
    while position + 8 <= len(data):
        count += 1
        _bounded("WebP", count)
        kind, size = struct.unpack_from("<4sI", data, position)
        if kind not in found:
            found[kind] = data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    first = data[12:16]
    body = found.get(first, b"")
    match first:
        case b"VP8X":
            width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", body, 1)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", body, 6))
        case _:
            raise _cut_off("WebP")
    profile = found.get(b"ICCP", b"")
    exif = found.get(b"EXIF", b"").removeprefix(b"Exif\x00\x00")
    return Parts("WebP", width, height, data, exif, profile if len(profile) <= _PROFILE_MAX else b"")
