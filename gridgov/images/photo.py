"""One photo as it is kept: turned upright, in sRGB, not larger than needed, encoded anew so that nothing else is in it.

Pictures with real transparency become WebP, all others JPEG. The same file gives the same bytes each time, so equal
photos are stored once.
"""

from __future__ import annotations

import datetime as dt
import io
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import GifImagePlugin, Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from gridgov.errors import OutOfRange, StoreBusy, TooLarge, UnreadableFile
from gridgov.images.containers import Parts, take_apart
from gridgov.images.exif import read_exif

JPEG: Final = "image/jpeg"
WEBP: Final = "image/webp"
QUALITY: Final = 85
THUMBNAIL_QUALITY: Final = 75
_ELONGATED: Final = 100  # a strip of 60,000,000 × 1 pixels is no photo
_SCANS_OF_LARGEST: Final = 16  # passes over a picture of the most pixels; encoders make ten
# Decoding takes up to nine bytes a pixel, so few at once; the others wait.
_AT_ONCE: Final = 2
_PATIENCE_S: Final = 20.0
_turns: Final = threading.BoundedSemaphore(_AT_ONCE)

# The decoders themselves, not Image.open: it would try others, and adopt the second pictures of a JPEG.
_DECODERS: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
# What a decoder raises for bytes that are no picture.
_DAMAGE: Final = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error)
_BOMBS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError, OverflowError)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a photo: bytes and pixels as sent, longer side as kept and of its thumbnail (pixels)."""

    bytes: int
    pixels: int
    side: int
    thumbnail_side: int


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it is kept. at: aware UTC. lon, lat: degrees as the camera noted them (WGS 84), both or none."""

    media_type: str
    content: bytes
    thumbnail: bytes
    width: int
    height: int
    at: dt.datetime | None
    lon: float | None
    lat: float | None


def read_photo(source: BinaryIO, limits: Limits) -> Photo:
    """The photo in `source`, read from where it stands; type by content, never by name.

    At most two are decoded at once in a process. Raises TooLarge (bytes, pixels), UnsupportedFormat (with what it is),
    UnreadableFile (empty, cut off, damaged), OutOfRange (a strip), StoreBusy when others take too long.
    """
    with _turn():
        content = source.read(limits.bytes + 1)
        if len(content) > limits.bytes:
            raise TooLarge(
                f"The photo has more than {limits.bytes} bytes; send it smaller.", limit=limits.bytes
            )
        parts = take_apart(content)
        _check_size(parts.width, parts.height, limits)
        _check_scans(parts, limits)
        taken = read_exif(parts.exif)
        image = _decoded(parts, limits)
        if taken.orientation in _TURNS:
            image = image.transpose(_TURNS[taken.orientation])
        image = _plain(image, parts.profile)
        small = image.copy()
        small.thumbnail((limits.thumbnail_side,) * 2, Image.Resampling.LANCZOS, reducing_gap=3.0)
        media_type = WEBP if image.mode == "RGBA" else JPEG
        return Photo(
            media_type,
            _encoded(image, media_type, QUALITY),
            _encoded(small, media_type, THUMBNAIL_QUALITY),
            *image.size,
            taken.at,
            taken.lon,
            taken.lat,
        )


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_PATIENCE_S):
        raise StoreBusy(
            "Many photos are being read just now; send this one again in a moment.", retry_after=5
        )
    try:
        yield
    finally:
        _turns.release()


def _check_size(width: int, height: int, limits: Limits) -> None:
    """Before a pixel is decoded. Raises TooLarge, OutOfRange."""
    if width * height > limits.pixels:
        raise TooLarge(
            f"The photo has {width} × {height} pixels, more than {limits.pixels}; send it smaller.",
            limit=limits.pixels,
        )
    shorter, longer = sorted((width, height))
    if shorter < 1 or longer > _ELONGATED * shorter:
        raise OutOfRange(f"The photo has {width} × {height} pixels; that is no photo.")


def _check_scans(parts: Parts, limits: Limits) -> None:
    """Each scan costs a pass over the whole picture. Raises TooLarge."""
    most = _SCANS_OF_LARGEST * limits.pixels // max(1, parts.width * parts.height)
    if parts.scans > most:
        raise TooLarge(
            f"The JPEG has {parts.scans} scans of {parts.width} × {parts.height} pixels; save it anew and send that.",
            limit=most,
        )


def _decoded(parts: Parts, limits: Limits) -> Image.Image:
    """The pixels, at most `limits.side` on the longer side. A JPEG is decoded at a fraction where that is enough."""
    try:
        image: Image.Image = _DECODERS[parts.form](io.BytesIO(parts.data))
        _check_size(*image.size, limits)  # a frame of a GIF may be larger than its screen
        scale = min(1.0, limits.side / max(image.size))
        fitted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.draft(None, fitted)
        image.load()
        image = _convertible(image)
        if scale < 1:
            image = image.resize(fitted, Image.Resampling.LANCZOS, reducing_gap=3.0)
    except _BOMBS as error:
        raise TooLarge("The photo unpacks to more than a photo holds; send another.") from error
    except _DAMAGE as error:
        raise UnreadableFile(f"The {parts.form} file is cut off or damaged; send the photo again.") from error
    return image


def _convertible(image: Image.Image) -> Image.Image:
    """In a mode that can be resized: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda grey: grey / 256).convert("L")
    if "transparency" in image.info or image.mode in ("LA", "P", "PA"):
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "RGBA", "CMYK") else image.convert("RGB")


def _plain(image: Image.Image, profile: bytes) -> Image.Image:
    """RGB in sRGB; RGBA only where something shows through."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    target = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        image = _in_srgb(image, profile, target)
    image = image if image.mode == target else image.convert(target)
    image.info = {}
    return image


def _in_srgb(image: Image.Image, profile: bytes, target: str) -> Image.Image:
    """By the photo's own profile; as it is when the profile is damaged or for other colours."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=target)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if turned is None else turned


def _encoded(image: Image.Image, media_type: str, quality: int) -> bytes:
    made = io.BytesIO()
    if media_type == WEBP:
        image.save(made, "WEBP", quality=quality, method=4)
    else:
        image.save(made, "JPEG", quality=quality, optimize=True)
    return made.getvalue()
