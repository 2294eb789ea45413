"""Write GLOSSARY.md and docs/reference.md from the tables of the code; `--check` only compares."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gridgov.access import ACTIONS, ROWS  # noqa: E402 (the checkout, before anything installed)
from gridgov.layers import LAYERS  # noqa: E402
from gridgov.models import KINDS, Audience, vocabulary  # noqa: E402
from gridgov.models.fields import Vocabulary  # noqa: E402
from gridgov.settings import PREFIX, Settings  # noqa: E402

MADE = "<!-- Written by scripts/reference.py from the code; change the tables there, then run it again. -->"

# Words of the field that are no entry of a vocabulary.
WORDS = (
    (
        "area",
        "区域",
        "A place with a boundary of one of the kinds below; it keeps its id through all boundaries.",
    ),
    ("edition", "边界版本", "One boundary of an area or parcel with the time it is in force."),
    ("edition set", "边界版本批次", "Boundaries that came into force together at one instant."),
    ("link", "归属", "Which area of a level a record belongs to, by which rule, and how sure that is."),
    (
        "border rule",
        "边界规则",
        "Within 0.05 m of a shared border the area with the lowest code has the record.",
    ),
    ("geodesic area", "椭球面积", "Area on the ellipsoid (GRS80)."),
    (
        "grid area",
        "投影面积",
        "Area in the plane of the CGCS2000 3-degree Gauss–Krüger zone of the centroid.",
    ),
    ("claimed area", "证载面积", "The area as it stands on the certificate or approval; never overwritten."),
    ("mu", "亩", "2000/3 m²; fifteen are one hectare."),
    ("clear land", "净地", "Rights are clear and compensation is done; not the same as serviced land 熟地."),
    (
        "reserve land",
        "储备用地",
        "Land in the stages reserved, early development, clear land or listed for sale.",
    ),
    ("plant", "厂房", "A building for industry; its vacancy lives on its units."),
    ("unit", "可租单元", "The part of a plant that is let as one."),
    ("listing", "招商载体", "A published offer of a unit or a parcel."),
    ("issue", "问题", "What a grid worker, resident or enterprise reports at a place."),
    (
        "community grid cell",
        "微网格",
        "The smallest area of community work: a few buildings with one person.",
    ),
    ("estate", "小区", "A housing estate inside a community."),
    ("zone", "开发区", "The development zone; every record belongs to one."),
    (
        "revision",
        "修订号",
        "A number per zone and record kind; every transaction raises it, so it tells what changed.",
    ),
    ("scope", "可见范围", "What one actor sees: rows by role, area and department, and columns."),
)

# Every setting by what an administrator wants to do with it.
PURPOSES = {
    "The store": ("database_url", "store_pool_size", "store_wait_seconds"),
    "Serving": (
        "secret",
        "demo",
        "default_zone",
        "host",
        "port",
        "public_url",
        "root_path",
        "trusted_proxies",
        "workers",
        "stop_seconds",
    ),
    "Limits": (
        "request_seconds",
        "upload_max_bytes",
        "unpacked_max_bytes",
        "import_max_rows",
        "geometry_max_vertices",
        "page_max",
        "session_hours",
        "sign_in_limit",
        "public_reports_per_hour",
    ),
    "Photos": (
        "attachments_url",
        "s3_endpoint",
        "s3_region",
        "s3_access_key",
        "s3_secret_key",
        "attachment_max_bytes",
        "attachment_max_pixels",
        "attachment_side",
        "thumbnail_side",
        "attachments_per_record",
    ),
    "Jobs": ("job_threads", "job_lease_seconds", "job_attempts"),
    "Watching": ("metrics_token", "telemetry_endpoint", "slow_query_ms", "log_format", "log_level"),
}


def vocabularies() -> list[Vocabulary]:
    """Every closed list, in the order of the code."""
    return [value for value in vars(vocabulary).values() if isinstance(value, Vocabulary)]


def glossary() -> Iterator[str]:
    """GLOSSARY.md."""
    yield "# Glossary\n"
    yield MADE + "\n"
    yield "English names stand in the code and the data, Chinese ones in the interface.\n"
    yield "| English | 中文 | meaning |\n|---|---|---|"
    yield from (f"| {english} | {chinese} | {meaning} |" for english, chinese, meaning in WORDS)
    for words in vocabularies():
        yield f"\n## {words.name.capitalize()}\n\n| code | 中文 | English |\n|---|---|---|"
        yield from (f"| `{term.code}` | {term.zh} | {term.en} |" for term in words.terms)


def settings() -> Iterator[str]:
    """The settings by purpose."""
    yield "## Settings\n"
    yield "All from the environment; an unknown `GRIDGOV_…` key is refused, and so is a value out of bounds."
    yield "A setting marked 🔒 is a secret: it is never logged or shown, and no backup holds it."
    for purpose, names in PURPOSES.items():
        yield f"\n### {purpose}\n\n| setting | default | bounds | meaning |\n|---|---|---|---|"
        for name in names:
            setting = Settings.model_fields[name]
            secret = setting.annotation is SecretStr
            default = "" if secret or setting.default == "" else f"`{setting.default}`"
            lock = " 🔒" if secret else ""
            yield f"| `{PREFIX}{name.upper()}`{lock} | {default} | {bounds(setting)} | {setting.description} |"


def bounds(setting: FieldInfo) -> str:
    """What a value must keep to: from and to, a length, or the words it may be."""
    found = {}
    for rule in setting.metadata:
        for name in ("ge", "gt", "le", "lt", "max_length", "pattern"):
            value = getattr(rule, name, None)
            if value is not None:
                found[name] = value
    if "pattern" in found:
        return re.sub(r"[\^$()]", "", found["pattern"]).replace("|", ", ")
    words = {
        "ge": "from {}",
        "gt": "above {}",
        "le": "to {}",
        "lt": "below {}",
        "max_length": "at most {} characters",
    }
    told = " ".join(words[name].format(_number(value)) for name, value in found.items())
    return "true, false" if setting.annotation is bool else told


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def reference() -> Iterator[str]:
    """docs/reference.md."""
    yield "# Reference: settings, layers, records, rights\n"
    yield MADE + "\n"
    yield from settings()
    yield "\n## Layers\n\n| layer | records | 中文 | English | from zoom |\n|---|---|---|---|---|"
    for layer in LAYERS.values():
        only = f" with {layer.where[0]} = {layer.where[1]}" if layer.where else ""
        yield f"| `{layer.name}` | {layer.kind}{only} | {layer.zh} | {layer.en} | {layer.min_zoom} |"
    yield "\n## Records\n\nStaff fields are never shown to the public; system fields are written by gridgov."
    for kind in KINDS.values():
        yield f"\n### {kind.en} {kind.zh}: `{kind.name}`\n\n| field | 中文 | type | unit | who |\n|---|---|---|---|---|"
        for field in kind.fields:
            who = "staff" if field.audience is Audience.STAFF else "public"
            system = ", system" if field.system else ""
            of = f" to {field.refers_to}" if field.refers_to else ""
            of = f" of {field.vocabulary.name}" if field.vocabulary else of
            yield f"| `{field.name}` | {field.zh} | {field.type}{of} | {field.unit} | {who}{system} |"
    yield "\n## Rights\n\n| action | roles |\n|---|---|"
    for action, roles in ACTIONS.items():
        yield f"| `{action}` | {', '.join(sorted(roles))} |"
    yield "\n| records | what each role reads |\n|---|---|"
    for kind_name, rows in ROWS.items():
        told = ", ".join(f"{role}: {rule}" for role, rule in rows.items())
        yield f"| `{kind_name}` | {told} |"


FILES = {ROOT / "GLOSSARY.md": glossary, ROOT / "docs" / "reference.md": reference}


def main() -> int:
    """Write the files, or with --check say which differ (exit code 1)."""
    stale = []
    for path, lines in FILES.items():
        text = "\n".join(lines()) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale:
        print(("stale: " if "--check" in sys.argv else "written: ") + ", ".join(stale))
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
