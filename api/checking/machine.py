"""What the machine must bring: versions, the data of libraries, time zones, a Chinese font, room on the disks."""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
import tempfile
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path

import numba
import pyproj
import shapely

from api.checking.finding import Finding, bad, good, warning
from gridgov import __version__
from gridgov.settings import data_folder
from gridgov.store import sqlite_facts
from maps.pages import PAGES, assets, page_assets

# Python: as pyproject.toml says. SQLite: RETURNING. GEOS: what shapely 2.1 is made for. PROJ: EPSG:4490 and 4547.
NEEDED = {"Python": (3, 11), "SQLite": (3, 35), "GEOS": (3, 11), "PROJ": (9, 0)}
TIME_ZONE = "Asia/Shanghai"
FEW_BYTES, SOME_BYTES = 1024**3, 5 * 1024**3
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
# Names under which Chinese fonts with a free licence are packed.
FONT_FILES = (
    "NotoSansCJK*",
    "NotoSerifCJK*",
    "NotoSansSC*",
    "SourceHanSans*",
    "LXGW*",
    "wqy-*",
    "DroidSansFallback*",
)


def versions() -> Finding:
    """Python and the three libraries whose version matters."""
    there = {
        "Python": tuple(sys.version_info[:3]),
        "SQLite": _numbers(sqlite_facts()[0]),
        "GEOS": tuple(shapely.geos_version),
        "PROJ": _numbers(pyproj.proj_version_str),
    }
    told = f"gridgov {__version__}, " + ", ".join(f"{name} {_dotted(found)}" for name, found in there.items())
    old = [f"{name} {_dotted(least)}" for name, least in NEEDED.items() if there[name] < least]
    if old:
        return bad(
            "versions", told, f"At least {', '.join(old)} is needed; install gridgov under a newer Python."
        )
    return good("versions", told)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _dotted(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))


def spatial_index() -> Finding:
    """The R*Tree of SQLite, which the embedded store needs."""
    if not sqlite_facts()[1]:
        remedy = "Use a Python whose SQLite was built with R*Tree, or PostGIS by GRIDGOV_DATABASE_URL."
        return bad("SQLite R*Tree", "missing", remedy)
    return good("SQLite R*Tree", "there")


def coordinate_systems() -> Finding:
    """PROJ's own data: without its database no coordinate system is known."""
    remedy = "Install pyproj again; unset PROJ_DATA and PROJ_LIB if they name the data of another PROJ."
    try:
        folders = pyproj.datadir.get_data_dir()
        pyproj.Transformer.from_crs(4490, 4547, always_xy=True)
    except (pyproj.exceptions.ProjError, pyproj.exceptions.DataDirError) as error:
        return bad("coordinate systems", str(error).splitlines()[0], remedy)
    if not any((Path(folder) / "proj.db").is_file() for folder in folders.split(os.pathsep)):
        return bad("coordinate systems", f"no proj.db in {folders}", remedy)
    return good("coordinate systems", f"PROJ data in {folders}")


def time_zone() -> Finding:
    """The zone in which deadlines are counted."""
    try:
        zoneinfo.ZoneInfo(TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        remedy = "Install the system's tzdata or the Python package tzdata; mend PYTHONTZPATH if it is set."
        return bad("time zone", f"{TIME_ZONE} is unknown", remedy)
    return good("time zone", f"{TIME_ZONE} is known")


def chinese_font(folders: Iterable[str] = FONT_FOLDERS) -> Finding:
    """A font for pictures drawn by the server; pages use the fonts of their readers."""
    for top in folders:
        for folder, _, names in os.walk(os.path.expanduser(top)):  # noqa: PTH111  it takes a user without a home
            for pattern in FONT_FILES:
                for name in fnmatch.filter(names, pattern):
                    return good("Chinese font", str(Path(folder, name)))
    remedy = "Install one: apt-get install fonts-noto-cjk. Pictures drawn by the server would show boxes."
    return warning("Chinese font", "none in the usual folders", remedy)


def files() -> Finding:
    """What the package brings: schema, codes, seed, pages and their libraries."""
    lacking = [name for name in ("schema", "codes", "seed") if not (data_folder() / name).is_dir()]
    lacking += [name for page in PAGES for name in page_assets(page) if name not in assets()]
    if not any(name.startswith("vendor/") for name in assets()):
        lacking.append("web libraries")
    if lacking:
        remedy = "Install again; in a checkout run `scripts/setup app`."
        return bad("files", f"missing: {', '.join(lacking)}", remedy)
    return good("files", "schema, codes, seed and web libraries are there")


def kernel_cache() -> Finding:
    """Where numba keeps compiled kernels: the folder of NUMBA_CACHE_DIR, else beside the package, else the user's."""
    chosen = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # numba fills its config at run time
    package = Path(__file__).resolve().parents[2] / "gridgov" / "serving" / "linking"
    home = Path(os.path.expanduser("~/.cache/numba"))  # noqa: PTH111
    places = [Path(chosen)] if chosen else [package / "__pycache__", home]
    for place in places:
        if writable(place):
            return good("kernel cache", str(place))
    remedy = "Set NUMBA_CACHE_DIR to a folder that the service's user may write to."
    if chosen:
        remedy = f"Give {chosen} to the service's user, or set NUMBA_CACHE_DIR to another folder."
    return bad("kernel cache", f"{places[0]} cannot be written to", remedy)


def rooms(places: Iterable[Path]) -> Iterator[Finding]:
    """Free room on each file system that holds one of `places`."""
    seen: set[int] = set()
    for place in places:
        folder = existing(place)
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield room(folder, shutil.disk_usage(folder).free)


def room(folder: Path, free: int) -> Finding:
    """Whether `free` bytes are enough where `folder` lies."""
    told = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < FEW_BYTES:
        return bad("disk", told, f"Make room where {folder} lies: at least 1 GiB, better 5.")
    if free < SOME_BYTES:
        return warning("disk", told, f"Make room where {folder} lies; an import or a backup may need 5 GiB.")
    return good("disk", told)


def temporary_room(upload_max_bytes: int, free: int | None = None) -> Finding:
    """Whether the largest upload finds room among the temporary files. free: bytes; None asks the file system."""
    remedy = "Make /tmp writable, or set TMPDIR to a folder that is."
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:
        return bad("temporary files", "no folder to keep them in", remedy)
    free = shutil.disk_usage(folder).free if free is None else free
    told = f"{free / 1024**2:.0f} MiB free at {folder}"
    needed = f"{upload_max_bytes / 1024**2:.0f} MiB"
    if free < upload_max_bytes:
        remedy = f"Make room there, or set TMPDIR to a folder with more: an upload may take {needed}."
        return bad("temporary files", told, remedy)
    if free < 2 * upload_max_bytes:
        remedy = f"Make room there: two uploads at once may take {needed} each."
        return warning("temporary files", told, remedy)
    return good("temporary files", told)


def existing(place: Path) -> Path:
    """`place` itself, or the nearest folder above it that exists and that this user is let see."""
    place = place.resolve()
    return next(each for each in (place, *place.parents) if os.path.exists(each))  # noqa: PTH110  it never raises


def shut(place: Path) -> Path | None:
    """The folder above `place` that this user may not enter; None when there is none."""
    folder = existing(place.parent)
    return None if not folder.is_dir() or os.access(folder, os.X_OK) else folder


def owner(place: Path) -> str:
    """The user to whom `place` belongs, by name or else by number."""
    try:
        return place.owner()
    except KeyError:
        return str(place.stat().st_uid)


def writable(place: Path) -> bool:
    """Whether this user may write to the folder `place`, or make it where it is not there yet."""
    there = existing(place)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
