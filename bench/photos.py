"""Photos of a phone made ready to be kept: bounded, turned, scaled, encoded anew with a thumbnail, put in a folder.

Beside it the bare work that any way of keeping a smaller copy has: Pillow opens, scales and saves once.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.contest import Outcome, Run, Surroundings, Way, percentiles
from gridgov.attachments import limits_of, prepare
from gridgov.blobs.folder import FolderBlobs
from gridgov.settings import Settings

_PHOTOS = 12
_SIDES = (4_000, 3_000)  # 12 megapixels, as most phones send


def _photos(folder: Path) -> list[bytes]:
    """Different photos of about 5 MB, made by a process of their own, so that its memory does not count."""
    subprocess.run([sys.executable, "-m", "bench.photos", str(folder)], check=True)
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


def make(folder: Path) -> None:
    """Write the photos: a smooth scene under the grain of a small sensor, every second one lying on its side."""
    rng = np.random.default_rng(20_261_120)
    for number in range(_PHOTOS):
        small = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
        scene = np.asarray(Image.fromarray(small).resize(_SIDES, Image.Resampling.BICUBIC), dtype=np.int16)
        grain = rng.normal(0, 6, scene.shape).astype(np.int16)
        picture = Image.fromarray(np.clip(scene + grain, 0, 255).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 2 else 1
        picture.save(folder / f"{number:02}.jpg", quality=90, exif=exif)


def by_gridgov(surroundings: Surroundings) -> Run:
    photos, limits = _photos(surroundings.scratch), limits_of(Settings())
    blobs = FolderBlobs(surroundings.scratch / "files")

    def run() -> Outcome:
        spent = []
        for content in photos:
            start = time.perf_counter_ns()
            prepare(io.BytesIO(content), "photo.jpg", limits, blobs)
            spent.append(time.perf_counter_ns() - start)
        _, tail = percentiles(spent)
        return Outcome(len(spent), sum(spent) / len(spent) / 1e9, tail)

    return run


def by_pillow(surroundings: Surroundings) -> Run:
    photos, side = _photos(surroundings.scratch), Settings().attachment_side
    target = surroundings.scratch / "bare.jpeg"

    def run() -> Outcome:
        spent = []
        for content in photos:
            start = time.perf_counter_ns()
            with Image.open(io.BytesIO(content)) as image:
                image.thumbnail((side, side), Image.Resampling.LANCZOS)
                image.save(target, "JPEG", quality=85)
            spent.append(time.perf_counter_ns() - start)
        _, tail = percentiles(spent)
        return Outcome(len(spent), sum(spent) / len(spent) / 1e9, tail)

    return run


TO_FOLDER = (
    Way("gridgov", by_gridgov, note="bounded, upright, no metadata, thumbnail, flushed"),
    Way("bare Pillow", by_pillow, note="scaled copy, no thumbnail, not flushed"),
)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
