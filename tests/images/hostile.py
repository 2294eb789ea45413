"""Files that want to do harm, each with what becomes of it; as a program it reads a folder of them."""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

from PIL import Image

from gridgov.errors import GridgovError, OutOfRange, TooLarge, UnreadableFile, UnsupportedFormat
from gridgov.images import Limits, read_photo
from tests.images.specimens import (
    bomb_png,
    chunk,
    encoded,
    endless_scans,
    picture,
    png,
    resized_header,
    segment,
    sound_png,
    with_segments,
)

LIMITS = Limits(bytes=4 * 1024**2, pixels=60_000_000, side=2_560, thumbnail_side=320)
_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_ZIP = b"PK\x03\x04" + b"\x00" * 60 + b"PK\x05\x06" + b"\x00" * 18
_SCRIPT = b"<script>alert(document.cookie)</script>"


def _gif(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x4c\x01\x00;"


def _webp(width: int, height: int) -> bytes:
    body = b"\x00\x00\x00\x00" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = (
        b"VP8X" + struct.pack("<I", 10) + body + b"VP8L" + struct.pack("<I", 5) + b"\x2f\xff\xff\xff\xff\x00"
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _empty_chunks(count: int) -> bytes:
    chunks = b"NONE\x00\x00\x00\x00" * count
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _commented(comments: bytes) -> bytes:
    sound = _gif((10, 10), (10, 10))
    return sound[:19] + comments + sound[19:]


def _many_frames() -> bytes:
    frames = [Image.new("P", (300, 300), number % 200) for number in range(2_000)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=1)


def _of_form(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1" + b"\x00" * 500


def files() -> dict[str, tuple[bytes, type[GridgovError] | None]]:
    """What it is → its bytes, and the error it is refused with; None where it is made harmless."""
    jpeg = encoded(picture())
    endless_zip = zlib.compress(b"\x00" * 200_000_000, 9)
    return {
        "an empty file": (b"", UnreadableFile),
        "noise": (bytes(range(256)) * 40, UnsupportedFormat),
        "a web page with a script, called photo.jpg": (b"<!DOCTYPE html>" + _SCRIPT, UnsupportedFormat),
        "an SVG drawing with a script": (_SVG, UnsupportedFormat),
        "a PDF document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", UnsupportedFormat),
        "an Office document": (_ZIP, UnsupportedFormat),
        "a Windows program": (b"MZ\x90\x00" + b"\x00" * 200, UnsupportedFormat),
        "a TIFF picture": (encoded(picture(), "TIFF"), UnsupportedFormat),
        "a BMP picture": (encoded(picture(), "BMP"), UnsupportedFormat),
        "an HEIC picture": (_of_form(b"heic"), UnsupportedFormat),
        "an AVIF picture": (_of_form(b"avif"), UnsupportedFormat),
        "a video": (_of_form(b"isom"), UnsupportedFormat),
        "more bytes than allowed": (jpeg + b"\x00" * LIMITS.bytes, TooLarge),
        "a PNG of 4,294,836,225 pixels": (bomb_png(), TooLarge),
        "a PNG whose pixels unpack to 200 MB": (png(20, 10, pixels=endless_zip), None),
        "a PNG with a profile of 200 MB": (sound_png(chunk(b"iCCP", b"x\x00\x00" + endless_zip)), None),
        "a PNG with a text of 200 MB": (sound_png(chunk(b"zTXt", b"x\x00\x00" + endless_zip)), None),
        "a PNG with 20,000 texts": (sound_png(chunk(b"tEXt", b"k\x00" + b"v" * 50) * 20_000), None),
        "a PNG whose chunk is longer than the file": (
            sound_png()[:33] + struct.pack(">I4s", 0xFFFFFFF0, b"IDAT"), UnreadableFile,
        ),
        "a PNG with a wrong check sum": (sound_png().replace(b"IDAT", b"IDAT\x00", 1), UnreadableFile),
        "a PNG without pixels": (png(20, 10), UnreadableFile),
        "a PNG of no width": (png(0, 10, pixels=zlib.compress(b"")), OutOfRange),
        "a PNG that breaks off": (encoded(picture(size=(900, 900)), "PNG")[:600], UnreadableFile),
        "a strip of one pixel's height": (encoded(Image.new("RGB", (50_000, 1))), OutOfRange),
        "a JPEG that says it has 4,000,000,000 pixels": (resized_header(jpeg, 65_000, 65_000), TooLarge),
        "a JPEG that says it is larger than it is": (resized_header(jpeg, 5_000, 5_000), None),
        "a JPEG of no size": (resized_header(jpeg, 0, 0), OutOfRange),
        "a JPEG that breaks off in its head": (jpeg[:200], UnreadableFile),
        "a JPEG that breaks off in its pixels": (jpeg[:-800], UnreadableFile),
        "a JPEG that is nothing but its first marker": (b"\xff\xd8\xff", UnreadableFile),
        "a JPEG of markers without end": (b"\xff\xd8" + b"\xff" * 1_000_000, UnreadableFile),
        "a JPEG with 4,000 scans": (endless_scans(), TooLarge),
        "a JPEG of 1,000,000 empty tables": (with_segments(jpeg, segment(0xDB, b"") * 1_000_000), TooLarge),
        "a JPEG of 1,000,000 empty notes": (with_segments(jpeg, segment(0xE5, b"") * 1_000_000), TooLarge),
        "a JPEG with 64 scans of 56 million pixels": (
            resized_header(endless_scans(53), 7_500, 7_500, frame=b"\xff\xc2"), TooLarge,
        ),
        "a PNG of 340,000 empty pieces of pixels": (sound_png(chunk(b"IDAT", b"") * 340_000), TooLarge),
        "a WebP of 500,000 empty chunks": (_empty_chunks(500_000), TooLarge),
        "a GIF of 800,000 comments": (_commented(b"!\xfe\x01c\x00" * 800_000), TooLarge),
        "a GIF of 600,000 comments behind a stray byte": (_commented(b"\x00!\xfe\x01c\x00" * 600_000), TooLarge),
        "a JPEG with a segment longer than the file": (b"\xff\xd8\xff\xe1\xff\xff" + b"x" * 90, UnreadableFile),
        "a JPEG with a script in its comment": (with_segments(jpeg, segment(0xFE, _SCRIPT)), None),
        "a JPEG that is a ZIP archive too": (jpeg + _ZIP, None),
        "a JPEG that is a web page too": (with_segments(jpeg, segment(0xE5, _SCRIPT)) + _SCRIPT, None),
        "a GIF that is a script too": (b"GIF89a/*" + b"\x00" * 20 + b"*/=alert(1)", OutOfRange),
        "a GIF with a screen of 4 thousand million pixels": (_gif((65_535, 65_535), (1, 1)), TooLarge),
        "a GIF with a frame larger than its screen": (_gif((10, 10), (65_535, 65_535)), TooLarge),
        "a GIF of 2,000 frames": (_many_frames(), None),
        "a GIF without a picture": (b"GIF89a\x0a\x00\x0a\x00\x00\x00\x00;", UnreadableFile),
        "a WebP with a canvas of 268 million pixels": (_webp(16_384, 16_384), TooLarge),
        "a WebP whose pixels are no pixels": (_webp(100, 100), UnreadableFile),
        "a WebP that breaks off": (encoded(picture(), "WEBP")[:300], UnreadableFile),
        "a WebP of no chunks": (b"RIFF\x04\x00\x00\x00WEBP", UnreadableFile),
    }  # fmt: skip


def main() -> None:
    """Read every file of a folder; print by how much the process grew over reading a plain photo."""
    read_photo(io.BytesIO(encoded(picture())), LIMITS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    paths = sorted(Path(sys.argv[1]).iterdir())
    for path in paths:
        with suppress(GridgovError), path.open("rb") as source:
            read_photo(source, LIMITS)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    json.dump({"files": len(paths), "grown_kib": grown}, sys.stdout)


if __name__ == "__main__":
    main()
