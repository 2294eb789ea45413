"""What is wrong with an installation, in words, and how to mend it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyproj
import shapely

from gridgov import __version__
from gridgov.errors import GridgovError
from gridgov.settings import Settings, data_folder, require_secret
from gridgov.store import Store, sqlite_facts
from maps.pages import PAGES, assets, page_assets

_LEAST_FREE_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. good: nothing to do. remedy: "" when good."""

    what: str
    found: str
    good: bool
    remedy: str = ""

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)


def findings(settings: Settings, store: Store) -> list[Finding]:
    """Everything that was looked at, the bad ones with their remedy."""
    return [
        _versions(),
        _spatial_index(),
        _store(store),
        _secret(settings),
        _disk(settings),
        _files(),
    ]


def healthy(found: Iterable[Finding]) -> bool:
    """Whether nothing needs mending."""
    return all(each.good for each in found)


def _versions() -> Finding:
    told = f"gridgov {__version__}, Python {sys.version.split()[0]}, GEOS {shapely.geos_version_string}, "
    return Finding(
        "versions", told + f"PROJ {pyproj.proj_version_str}, SQLite {sqlite_facts()[0]}", good=True
    )


def _spatial_index() -> Finding:
    if not sqlite_facts()[1]:
        remedy = "Use a Python whose SQLite was built with R*Tree, or PostGIS by GRIDGOV_DATABASE_URL."
        return Finding("SQLite R*Tree", "missing", good=False, remedy=remedy)
    return Finding("SQLite R*Tree", "there", good=True)


def _store(store: Store) -> Finding:
    try:
        store.check()
    except GridgovError as error:
        return Finding("store", f"{store.url}: {type(error).__name__}", good=False, remedy=error.message)
    return Finding("store", f"{store.url}: all migrations applied", good=True)


def _secret(settings: Settings) -> Finding:
    try:
        require_secret(settings)
    except GridgovError as error:
        return Finding("secret", "missing or too short", good=False, remedy=error.message)
    return Finding("secret", "the demonstration's" if settings.demo else "set", good=True)


def _disk(settings: Settings) -> Finding:
    path = (
        Path(settings.database_url.removeprefix("sqlite:///"))
        if "sqlite" in settings.database_url
        else Path()
    )
    folder = next(each for each in (path.resolve(), *path.resolve().parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    told = f"{free / 1024**3:.1f} GiB free"
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", told, good=False, remedy=f"Make room where {folder} lies; at least 1 GiB.")
    return Finding("disk", told, good=True)


def _files() -> Finding:
    lacking = [name for name in ("schema", "codes", "seed") if not (data_folder() / name).is_dir()]
    lacking += [name for page in PAGES for name in page_assets(page) if name not in assets()]
    if not any(name.startswith("vendor/") for name in assets()):
        lacking.append("web libraries")
    if lacking:
        remedy = "Install again; in a checkout run `scripts/setup app`."
        return Finding("files", f"missing: {', '.join(lacking)}", good=False, remedy=remedy)
    return Finding("files", "schema, codes, seed and web libraries are there", good=True)
