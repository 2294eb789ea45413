"""When and where a photo was taken and which side is up, from its EXIF data.

Only the dozen entries that are wanted are read, by position and within the data: whatever is damaged, endless or absurd
counts as not there. Nothing here raises.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_CHINA = ZoneInfo("Asia/Shanghai")
_ORIENTATION, _CHANGED, _EXIF, _GPS = 0x0112, 0x0132, 0x8769, 0x8825
_TAKEN, _ZONE, _ZONE_TAKEN = 0x9003, 0x9010, 0x9011
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_SIZES = {2: 1, 3: 2, 4: 4, 5: 8}  # type → bytes: text, short, long, rational
_ENTRIES_MAX = 500
_TEXT_MAX = 64
_WHEN = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_EARLIEST = 1970  # a camera without a set clock says 0000 or the year it was made in


@dataclass(frozen=True, slots=True)
class Taken:
    """What a camera noted. orientation: 1–8. at: aware UTC. lon, lat: degrees, WGS 84 as EXIF has it, both or none."""

    orientation: int = 1
    at: dt.datetime | None = None
    lon: float | None = None
    lat: float | None = None


Values = tuple[int, ...] | str


def read_exif(data: bytes) -> Taken:
    """What `data` (TIFF, as in EXIF) tells; an empty or damaged one tells nothing.

    A time without an offset is China's. A position of 0, 0 is what cameras write before they have one.
    """
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
    if order is None:
        return Taken()
    first = _directory(data, order, _number(data, order, 4))
    details = _directory(data, order, _pointer(first, _EXIF))
    place = _directory(data, order, _pointer(first, _GPS))
    lon = _degrees(place, _LON, _LON_REF, "EW", 180.0)
    lat = _degrees(place, _LAT, _LAT_REF, "NS", 90.0)
    if lon is None or lat is None or (lon, lat) == (0.0, 0.0):
        lon = lat = None
    orientation = _pointer(first, _ORIENTATION)
    at = _instant(details.get(_TAKEN), details.get(_ZONE_TAKEN)) or _instant(
        first.get(_CHANGED), details.get(_ZONE)
    )
    return Taken(orientation if 1 <= orientation <= 8 else 1, at, lon, lat)


def _number(data: bytes, order: str, position: int) -> int:
    try:
        return int(struct.unpack_from(f"{order}I", data, position)[0])
    except struct.error:
        return 0


def _directory(data: bytes, order: str, position: int) -> dict[int, Values]:
    """The entries of one directory; {} where there is none. Rationals are flat: numerator, denominator and so on."""
    if not 8 <= position <= len(data) - 2:
        return {}
    (count,) = struct.unpack_from(f"{order}H", data, position)
    found: dict[int, Values] = {}
    for index in range(min(count, _ENTRIES_MAX)):
        start = position + 2 + 12 * index
        if start + 12 > len(data):
            break
        tag, kind, many = struct.unpack_from(f"{order}HHI", data, start)
        length = _SIZES.get(kind, 0) * many
        at = start + 8 if length <= 4 else _number(data, order, start + 8)
        if not 0 < length <= _TEXT_MAX or at + length > len(data):
            continue
        body = data[at : at + length]
        if kind == 2:
            found[tag] = body.partition(b"\x00")[0].decode("ascii", errors="replace").strip()
        else:
            form = f"{order}{many}H" if kind == 3 else f"{order}{length // 4}I"
            found[tag] = struct.unpack(form, body)
    return found


def _pointer(entries: Mapping[int, Values], tag: int) -> int:
    value = entries.get(tag)
    return value[0] if isinstance(value, tuple) else 0


def _degrees(
    entries: Mapping[int, Values], tag: int, reference: int, signs: str, most: float
) -> float | None:
    """Degrees from three rationals; None when a part is missing, divides by zero or lies out of range.

    signs: the letters of the positive and of the negative half.
    """
    parts, letter = entries.get(tag), entries.get(reference)
    if not isinstance(parts, tuple) or len(parts) != 6 or not isinstance(letter, str):
        return None
    if not letter or letter[0].upper() not in signs or 0 in parts[1::2]:
        return None
    degrees, minutes, seconds = (parts[at] / parts[at + 1] for at in (0, 2, 4))
    value = degrees + minutes / 60 + seconds / 3600
    if minutes > 60 or seconds > 60 or value > most:
        return None
    return round(-value if letter[0].upper() == signs[1] else value, 7)


def _instant(when: Values | None, offset: Values | None) -> dt.datetime | None:
    """A time of the camera as aware UTC; None for one that is no time."""
    said = _WHEN.match(when) if isinstance(when, str) else None
    if said is None:
        return None
    zone: dt.tzinfo = _CHINA
    told = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    if told is not None and int(told[2]) <= 14 and int(told[3]) < 60:
        ahead = dt.timedelta(hours=int(told[2]), minutes=int(told[3]))
        zone = dt.timezone(ahead if told[1] == "+" else -ahead)
    try:
        local = dt.datetime(*(int(part) for part in said.groups()), tzinfo=zone)  # type: ignore[misc,arg-type]
        at = local.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= _EARLIEST else None
