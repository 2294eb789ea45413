"""The glossary and the reference are what the code says now."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr

from gridgov.settings import PREFIX, Settings
from scripts.reference import PURPOSES, bounds, settings

ROOT = Path(__file__).resolve().parent.parent
TABLE = "\n".join(settings())


def test_glossary_and_reference_are_as_the_code_would_write_them() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}: run scripts/reference.py and commit what it writes"
    )


def test_every_setting_has_one_purpose() -> None:
    named = Counter(name for names in PURPOSES.values() for name in names)
    assert named == Counter(Settings.model_fields.keys())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("port", "from 1 to 65,535"),
        ("store_wait_seconds", "above 0 to 120"),
        ("log_format", "json, text"),
        ("root_path", "at most 100 characters"),
        ("demo", "true, false"),
        ("host", ""),
    ],
)
def test_bounds_are_told_in_words(name: str, told: str) -> None:
    assert bounds(Settings.model_fields[name]) == told


def test_every_number_has_a_bound() -> None:
    numbers = [name for name, each in Settings.model_fields.items() if each.annotation in (int, float)]
    assert numbers
    assert [name for name in numbers if not bounds(Settings.model_fields[name])] == []


def test_a_secret_is_marked_and_its_default_not_shown() -> None:
    secrets = {name for name, each in Settings.model_fields.items() if each.annotation is SecretStr}
    marked = set(re.findall(rf"`{PREFIX}(\w+)` 🔒", TABLE))
    assert {"SECRET", "S3_SECRET_KEY", "METRICS_TOKEN"} <= marked
    assert marked == {name.upper() for name in secrets}
    lines = [line for line in TABLE.splitlines() if "🔒 |" in line]
    assert all(line.split("|")[2].strip() == "" for line in lines)


def test_nothing_names_a_setting_that_does_not_exist() -> None:
    """Code, messages, scripts, image and compose file know the same keys as the one class that reads them."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    shipped = [
        ROOT / name
        for name in listed.stdout.splitlines()
        if name.startswith(("gridgov/", "api/", "maps/", "scripts/", "deploy/", "bench/"))
        or name in {"Dockerfile", "compose.yaml", "Makefile"}
    ]
    unknown = set()
    for path in shipped:
        if path.suffix in {".png", ".geojson"} or not path.is_file():
            continue
        found = re.findall(rf"{PREFIX}[A-Z0-9][A-Z0-9_]*", path.read_text(encoding="utf-8"))
        unknown |= {f"{path.relative_to(ROOT)}: {key}" for key in found if key.rstrip("_") not in known}
    assert {each for each in unknown if not each.endswith(("GRIDGOV_S3_", ": GRIDGOV_S3"))} == set()
