"""Hostile files are refused with words or made harmless, soon, and in little memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gridgov.errors import GridgovError
from gridgov.images import read_photo
from tests.images.hostile import LIMITS, files
from tests.images.specimens import encoded, picture, with_metadata

FILES = files()
SOUND = [with_metadata(form) for form in ("JPEG", "PNG", "WEBP", "GIF")]


@pytest.mark.parametrize("what", FILES)
def test_it_is_refused_with_words_or_made_harmless(what: str) -> None:
    content, error = FILES[what]
    started = time.monotonic()
    if error is None:
        kept = read_photo(io.BytesIO(content), LIMITS)
        for made in (kept.content, kept.thumbnail):
            assert Image.open(io.BytesIO(made)).format == "JPEG"
            assert b"script" not in made
            assert b"PK\x03\x04" not in made
            assert made.endswith(b"\xff\xd9")
    else:
        with pytest.raises(error) as told:
            read_photo(io.BytesIO(content), LIMITS)
        assert type(told.value) is error
        assert len(told.value.message) > 30
    assert time.monotonic() - started < 5


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 40
    assert sum(error is None for _, error in FILES.values()) >= 8


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("an SVG drawing with a script", "SVG"),
        ("a web page with a script, called photo.jpg", "web page"),
        ("a PDF document", "PDF"),
        ("an HEIC picture", "HEIC"),
        ("an AVIF picture", "AVIF"),
        ("a video", "video"),
        ("a TIFF picture", "TIFF"),
        ("an Office document", "ZIP"),
        ("a PNG of 4,294,836,225 pixels", "65535 × 65535"),
    ],
)
def test_the_refusal_says_what_it_is(what: str, words: str) -> None:
    with pytest.raises(GridgovError, match=words):
        read_photo(io.BytesIO(FILES[what][0]), LIMITS)


@pytest.mark.slow
def test_all_of_them_take_little_memory(tmp_path: Path) -> None:
    """In a process of its own: of 45 files some want gigabytes, and it grows by less than 250 MiB."""
    for number, (content, _) in enumerate(FILES.values()):
        (tmp_path / str(number)).write_bytes(content)
    command = [sys.executable, "-m", "tests.images.hostile", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    assert told["files"] == len(FILES)
    assert told["grown_kib"] < 250 * 1024


@given(st.sampled_from(SOUND), st.integers(0, 12_000), st.binary(min_size=1, max_size=12))
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_damage_does_more_than_refuse(sound: bytes, at: int, damage: bytes) -> None:
    at %= len(sound)
    damaged = sound[:at] + damage + sound[at + len(damage) :]
    try:
        kept = read_photo(io.BytesIO(damaged), LIMITS)
    except GridgovError:
        return
    assert max(kept.width, kept.height) <= LIMITS.side
    assert Image.open(io.BytesIO(kept.content)).size == (kept.width, kept.height)


@given(st.sampled_from(SOUND), st.integers(0, 12_000))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_no_cut_does_more_than_refuse(sound: bytes, at: int) -> None:
    try:
        kept = read_photo(io.BytesIO(sound[: at % len(sound)]), LIMITS)
    except GridgovError:
        return
    assert max(kept.width, kept.height) <= LIMITS.side


def test_a_photo_is_read_whatever_it_is_called_and_wherever_the_file_stands() -> None:
    source = io.BytesIO(b"#!/bin/sh\n" + encoded(picture()))
    source.seek(10)
    assert read_photo(source, LIMITS).media_type == "image/jpeg"
