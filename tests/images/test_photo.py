"""Photos as they are kept: upright, small, in sRGB, the same each time, and with nothing else in them."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image, ImageCms

from gridgov.errors import StoreBusy
from gridgov.images import Limits, Photo, photo, read_photo
from tests.images.specimens import (
    SECRET,
    encoded,
    exif,
    picture,
    segment,
    two_pictures,
    with_metadata,
    with_segments,
)

LIMITS = Limits(bytes=20 * 1024**2, pixels=60_000_000, side=2_560, thumbnail_side=320)


def read(content: bytes, limits: Limits = LIMITS) -> Photo:
    return read_photo(io.BytesIO(content), limits)


def shown(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def near(found: object, wanted: tuple[int, int, int], most: int = 8) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) <= most for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("L", "PNG"),
        ("1", "PNG"),
        ("RGB", "WEBP"),
        ("P", "GIF"),
    ],
)
def test_every_form_becomes_a_jpeg_that_shows_the_same(mode: str, form: str) -> None:
    original = picture(mode)
    kept = read(encoded(original, form))
    assert (kept.media_type, kept.width, kept.height) == ("image/jpeg", 400, 300)
    for at in ((100, 75), (300, 75), (100, 225), (300, 225)):
        colour = original.convert("RGB").getpixel(at)
        assert isinstance(colour, tuple)
        if mode not in ("1", "P"):  # dithered: one dot is no colour
            assert near(shown(kept.content).getpixel(at), colour)  # type: ignore[arg-type]


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    kept = read(encoded(Image.new("I;16", (40, 30), 32_768), "PNG"))
    assert near(shown(kept.content).getpixel((20, 15)), (128, 128, 128), 2)


def test_what_shines_through_is_kept_as_webp() -> None:
    image = picture("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    kept = read(encoded(image, "PNG"))
    assert kept.media_type == "image/webp"
    for content in (kept.content, kept.thumbnail):
        assert Image.open(io.BytesIO(content)).format == "WEBP"
    assert Image.open(io.BytesIO(kept.content)).convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_of_an_animation_the_first_picture_is_kept() -> None:
    frames = [picture(), Image.new("RGB", (400, 300), (255, 0, 255))]
    for form in ("GIF", "WEBP", "PNG"):
        kept = read(encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100))
        assert near(shown(kept.content).getpixel((100, 75)), (200, 30, 30), 12), form


def test_of_two_pictures_in_one_file_the_first_is_kept() -> None:
    kept = read(two_pictures())
    assert kept.media_type == "image/jpeg"
    assert near(shown(kept.content).getpixel((100, 75)), (200, 30, 30))
    assert kept.content.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("size", [(4_000, 3_000), (3_000, 4_000), (6_001, 200), (2_561, 2_560)])
def test_a_large_photo_is_made_smaller_and_keeps_its_proportions(size: tuple[int, int]) -> None:
    kept = read(encoded(picture(size=size)))
    assert max(kept.width, kept.height) == 2_560
    assert abs(kept.width / kept.height - size[0] / size[1]) < 0.02 * size[0] / size[1]
    assert Image.open(io.BytesIO(kept.content)).size == (kept.width, kept.height)
    assert max(Image.open(io.BytesIO(kept.thumbnail)).size) == 320


def test_a_small_photo_is_not_blown_up() -> None:
    kept = read(encoded(picture(size=(64, 48))))
    assert (kept.width, kept.height) == (64, 48)
    assert Image.open(io.BytesIO(kept.thumbnail)).size == (64, 48)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turned = picture().transpose(turns[orientation]) if orientation in turns else picture()
    kept = read(encoded(turned, exif=exif(orientation=orientation)))
    assert (kept.width, kept.height) == (400, 300)
    for at, colour in (((100, 75), (200, 30, 30)), ((300, 75), (30, 200, 30)), ((100, 225), (30, 30, 200))):
        assert near(shown(kept.content).getpixel(at), colour)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_nothing_but_the_picture_is_left(form: str) -> None:
    sent = with_metadata(form)
    assert SECRET in sent
    kept = read(sent)
    for content in (kept.content, kept.thumbnail):
        image = Image.open(io.BytesIO(content))
        assert SECRET not in content
        for trace in (b"Exif", b"ICC_PROFILE", b"http://ns.adobe", b"Photoshop", b"8BIM", b"\xff\xfe"):
            assert trace not in content
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert dict(image.getexif()) == {}


def test_the_same_file_gives_the_same_bytes() -> None:
    sent = with_metadata("JPEG")
    assert read(sent) == read(sent)


def test_two_phones_photos_of_one_picture_are_kept_once() -> None:
    one = encoded(picture(), exif=exif(taken="2026:11:20 09:30:00"))
    other = encoded(picture(), exif=exif(taken="2026:11:20 10:30:00"))
    assert one != other
    assert read(one).content == read(other).content


def test_colours_are_turned_into_srgb_by_the_photos_own_profile() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    for profile, seen in ((srgb, (200, 30, 30)), (swapped, (30, 30, 200))):
        for form in ("JPEG", "PNG", "WEBP"):
            kept = read(encoded(picture(), form, icc_profile=profile))
            assert near(shown(kept.content).getpixel((100, 75)), seen, 12), form


def test_a_profile_that_is_none_changes_nothing() -> None:
    kept = read(encoded(picture(), icc_profile=b"\x00\xff" * 500))
    assert near(shown(kept.content).getpixel((100, 75)), (200, 30, 30))


def test_a_large_progressive_photo_is_no_bomb() -> None:
    large = encoded(picture(size=(7_700, 7_700)), progressive=True)  # 59 million pixels in ten scans
    assert read_photo(io.BytesIO(large), LIMITS).width == LIMITS.side


def test_a_photo_with_a_depth_map_in_many_segments_is_one() -> None:
    notes = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\x00" + b"x" * 60_000) * 40
    assert read(with_segments(encoded(picture()), notes)).width == 400


def test_a_third_photo_waits_for_its_turn_and_says_so_when_it_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photo, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(photo, "_turns", threading.BoundedSemaphore(1))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            with pytest.raises(StoreBusy, match="again in a moment"):
                read(encoded(picture()))
            return super().read(size)

    assert read_photo(Slow(encoded(picture())), LIMITS).width == 400
    assert read(encoded(picture())).width == 400  # the turn was given back
