"""Photos to test with, and files that pretend to be photos; each is made here, named for the trap."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, ImageDraw, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

SECRET = b"Zhang San 13800000000"


def picture(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Four corners of different colours on grey, so that turning and flipping show."""
    image = Image.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(image)
    width, height = size
    half = (width // 2, height // 2)
    draw.rectangle((0, 0, *half), fill=(200, 30, 30))
    draw.rectangle((half[0], 0, width, half[1]), fill=(30, 200, 30))
    draw.rectangle((0, half[1], half[0], height), fill=(30, 30, 200))
    return image.convert(mode)


def encoded(image: Image.Image, form: str = "JPEG", **how: Any) -> bytes:
    made = io.BytesIO()
    image.save(made, form, **how)
    return made.getvalue()


def exif(
    *,
    orientation: int = 1,
    taken: str | None = "2026:11:20 09:30:00",
    offset: str | None = None,
    lat: tuple[Any, ...] | None = ((33, 1), (44, 1), (1234, 100)),
    lon: tuple[Any, ...] | None = ((113, 1), (18, 1), (3000, 100)),
    refs: tuple[str, str] = ("N", "E"),
) -> bytes:
    """EXIF as Pillow writes it, an independent witness of our reader."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E] = SECRET.decode()  # description
    made[0x9286] = b"ASCII\0\0\0" + SECRET
    details = made.get_ifd(0x8769)
    if taken is not None:
        details[0x9003] = taken
    if offset is not None:
        details[0x9011] = offset
    place = made.get_ifd(0x8825)
    if lat is not None:
        place[1], place[2] = refs[0], tuple(_ratio(*each) for each in lat)
    if lon is not None:
        place[3], place[4] = refs[1], tuple(_ratio(*each) for each in lon)
    return made.tobytes()


def _ratio(numerator: int, denominator: int) -> Any:
    return IFDRational(numerator, denominator)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *between: bytes, pixels: bytes = b"") -> bytes:
    """A PNG that declares any size, with chunks of choice before its pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(between) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def sound_png(*between: bytes) -> bytes:
    """A small sound PNG with chunks of choice before its pixels."""
    rows = b"".join(b"\x00" + b"\x40\x80\xc0" * 20 for _ in range(10))
    return png(20, 10, *between, pixels=zlib.compress(rows))


def bomb_png() -> bytes:
    """65,535 × 65,535 pixels of nothing in a few kilobytes."""
    return png(65_535, 65_535, pixels=zlib.compress(b"\x00" * 1_000_000, 9))


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments behind its first marker."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def resized_header(jpeg: bytes, width: int, height: int, frame: bytes = b"\xff\xc0") -> bytes:
    """A JPEG whose frame header lies about its size."""
    at = jpeg.index(frame) + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def endless_scans(count: int = 4_000) -> bytes:
    """A progressive JPEG whose last scan is repeated: each repeat costs a pass over the whole picture."""
    jpeg = encoded(picture(size=(2_000, 2_000)), progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * count + b"\xff\xd9"


def with_metadata(form: str) -> bytes:
    """A photo that carries a person's name in every place a format has for it."""
    image = picture()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", SECRET.decode())
        info.add_text("Comment", SECRET.decode(), zip=True)
        info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        return encoded(image, "PNG", exif=exif(), pnginfo=info, icc_profile=profile) + SECRET
    if form == "WEBP":
        return encoded(image, "WEBP", exif=exif(), xmp=SECRET, icc_profile=profile) + SECRET
    if form == "GIF":
        return encoded(image.convert("P"), "GIF", comment=SECRET) + SECRET
    jpeg = encoded(image, "JPEG", exif=exif(), comment=SECRET, icc_profile=profile)
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + SECRET)
    iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x15" + SECRET)
    return with_segments(jpeg, xmp, iptc, segment(0xEC, SECRET)) + SECRET


def two_pictures() -> bytes:
    """MPO, as phones write depth and gain maps: a second picture behind the first."""
    made = io.BytesIO()
    second = Image.new("RGB", (400, 300), (255, 0, 255))
    picture().save(made, "MPO", save_all=True, append_images=[second], exif=exif())
    return made.getvalue()
