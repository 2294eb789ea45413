"""The components of OpenAPI: records of every kind, the bodies and the other answers."""

from __future__ import annotations

from typing import Final

from api.job_schemas import job_components
from api.record_schemas import (
    COUNT,
    COUNTS,
    CRS,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NAMES,
    NUMBER,
    TEXT,
    Schema,
    a_list,
    an_object,
    geometry_schemas,
    record_schema,
    ref,
    writable_schema,
)
from gridgov.models import KINDS
from gridgov.models.vocabulary import LINK_LEVELS, LINK_RULES, POSITION_SOURCES, RESERVED_STAGES

_LINES: Final[Schema] = {"type": "array", "items": TEXT}
_LINKS: Final[Schema] = {"type": "array", "items": ref("Link")}


def _link() -> Schema:
    return an_object(
        {
            "level": {"type": "string", "enum": list(LINK_LEVELS)},
            "area_id": MAYBE_TEXT,
            "area_code": MAYBE_TEXT,
            "name_zh": MAYBE_TEXT,
            "name_en": MAYBE_TEXT,
            "rule": {"type": "string", "enum": list(LINK_RULES)},
            "distance_m": MAYBE_NUMBER,
            "border_m": MAYBE_NUMBER,
            "share": MAYBE_NUMBER,
            "main": {"type": "boolean"},
            "doubtful": {"type": "boolean"},
            "hierarchy": {"type": "boolean"},
            "edition_set": COUNT,
        },
        ("level", "rule", "doubtful"),
    )


def _problem() -> Schema:
    return an_object(
        {
            "type": TEXT,
            "title": TEXT,
            "title_zh": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "instance": TEXT,
            "details": {"type": "object"},
        },
        ("type", "title", "status", "detail"),
    )


def _event() -> Schema:
    return an_object(
        {
            "verb": TEXT,
            "at": TEXT,
            "actor": TEXT,
            "version": {"type": ["integer", "null"]},
            "changes": {"type": ["object", "null"]},
        }
    )


def _collection() -> Schema:
    feature = an_object(
        {
            "type": {"const": "Feature"},
            "id": TEXT,
            "geometry": {"anyOf": [ref("Geometry"), {"type": "null"}]},
            "properties": {"type": "object"},
        }
    )
    return an_object(
        {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "items": feature},
            "next": MAYBE_TEXT,
            "total": COUNT,
        },
        ("type", "features"),
    )


def _photo() -> Schema:
    staff = {
        **dict.fromkeys(("file_name", "taken_at"), MAYBE_TEXT),
        **dict.fromkeys(("taken_lon", "taken_lat"), MAYBE_NUMBER),
        "created_by": TEXT,
    }
    plain = dict.fromkeys(("id", "media_type", "created_at", "content", "thumbnail"), TEXT)
    numbers = dict.fromkeys(("size_bytes", "width", "height"), COUNT)
    return an_object({**plain, **numbers, **staff}, (*plain, *numbers))


def _answers() -> dict[str, Schema]:
    position = {
        "lon": NUMBER,
        "lat": NUMBER,
        "crs": TEXT,
        "accuracy_m": MAYBE_NUMBER,
        "edition_set": COUNT,
        "links": _LINKS,
        "explanation": an_object({"zh": _LINES, "en": _LINES}),
    }
    reported = {
        "issue": ref("Issue"),
        "links": _LINKS,
        "explanation": _LINES,
        "revision": {"type": ["integer", "null"]},
    }
    contact = {"name": MAYBE_TEXT, "phone": MAYBE_TEXT, "erased_at": MAYBE_TEXT, "texts": _LINES}
    return {
        **geometry_schemas(),
        "Problem": _problem(),
        "Link": _link(),
        "FeatureCollection": _collection(),
        "History": a_list(_event()),
        "Editions": a_list({"type": "object"}),
        "PositionLinks": an_object(position, ("lon", "lat", "links", "explanation")),
        "Health": an_object({"status": {"const": "ok"}, "parts": {"type": "object"}}, ("status",)),
        "Contact": an_object(contact),
        "Photo": _photo(),
        "Photos": an_object({"items": {"type": "array", "items": ref("Photo")}}, ("items",)),
        "Reported": an_object(reported, ("issue", "links", "explanation")),
    }


def _bodies() -> dict[str, Schema]:
    boundary = writable_schema(KINDS["areas"], new=True)
    issue = writable_schema(KINDS["issues"], new=True)["properties"]
    place = {
        "lon": NUMBER,
        "lat": NUMBER,
        "geometry": ref("PointGeometry"),
        "crs": CRS,
        "position_source": {"type": "string", "enum": list(POSITION_SOURCES)},
        "accuracy_m": {"type": ["number", "null"], "minimum": 0, "maximum": 100_000},
    }
    person = an_object({"name": {**MAYBE_TEXT, "maxLength": 60}, "phone": {**MAYBE_TEXT, "maxLength": 40}})
    return {
        "Report": an_object(
            {**issue, **place, "text": {**MAYBE_TEXT, "maxLength": 4_000}, "contact": person}, ("category",)
        ),
        "Move": an_object(place),
        "Publication": an_object(
            {
                "title": {"type": "string", "minLength": 1, "maxLength": 200},
                "boundaries": {"type": "array", "items": boundary},
                "ended": {"type": "array", "items": TEXT},
                "crs": CRS,
            },
            ("title",),
        ),
        "Published": an_object(
            {
                **dict.fromkeys(("edition_set", "created", "redrawn", "ended", "unchanged"), COUNT),
                "relinked": an_object({"examined": COUNT, "moved": COUNT}),
                "revision": {"type": ["integer", "null"]},
            }
        ),
        "SignIn": an_object({"login": TEXT, "password": TEXT}, ("login", "password")),
        "Me": an_object(
            {
                "id": TEXT,
                "login": TEXT,
                "display_name": TEXT,
                "role": TEXT,
                "area_codes": {"type": "array", "items": TEXT},
                "department_code": MAYBE_TEXT,
                "zone": TEXT,
            }
        ),
    }


def _statistics() -> Schema:
    zone = an_object(
        {
            "zone": TEXT,
            "name_zh": TEXT,
            "name_en": MAYBE_TEXT,
            "division_code": MAYBE_TEXT,
            "opened_issues": {"type": "boolean"},
        }
    )
    rows = {"type": "array", "items": {"type": "object"}}
    stage = an_object(
        {
            "stage": {"type": "string", "enum": list(RESERVED_STAGES)},
            "count": COUNT,
            "area_m2": NUMBER,
            "area_mu": NUMBER,
        }
    )
    return an_object(
        {
            "zone": zone,
            "at": {"type": "string", "format": "date-time"},
            "counts": COUNTS,
            "areas": COUNTS,
            "parcels": COUNTS,
            "listings": COUNTS,
            "facilities": COUNTS,
            "issues": COUNTS,
            "units": rows,
            "reserved": an_object(
                {"stages": {"type": "array", "items": stage}, "area_m2": NUMBER, "area_mu": NUMBER}
            ),
            "plants": an_object(
                {
                    "by_vacancy": rows,
                    "floor_area_m2": NUMBER,
                    "idle_area_m2": NUMBER,
                    "planned_use_m2": NUMBER,
                }
            ),
        },
        ("zone", "counts"),
    )


def _accounts() -> dict[str, Schema]:
    role = {"type": "string", "enum": ["grid_worker", "staff", "admin"]}
    codes = {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 50}
    plain = {
        "display_name": {"type": "string", "maxLength": 80},
        "role": role,
        "area_codes": codes,
        "department_code": MAYBE_TEXT,
    }
    password = {"type": "string", "minLength": 10, "maxLength": 200}
    login = {"type": "string", "minLength": 1, "maxLength": 80}
    user = an_object(
        {
            "id": TEXT,
            "zone": TEXT,
            "login": login,
            **plain,
            "role": TEXT,
            "created_at": TEXT,
            "disabled_at": MAYBE_TEXT,
        }
    )
    return {
        "User": user,
        "Users": a_list(ref("User")),
        "NewUser": an_object(
            {"login": login, "password": password, **plain}, ("login", "password", "role", "display_name")
        ),
        "UserChange": an_object({"password": password, **plain, "disabled": {"type": "boolean"}}),
    }


def _tokens_and_audit() -> dict[str, Schema]:
    shown: Schema = {
        **dict.fromkeys(("id", "name", "role", "created_at", "created_by"), TEXT),
        "area_codes": {"type": "array", "items": TEXT},
        **dict.fromkeys(("expires_at", "revoked_at"), MAYBE_TEXT),
    }
    entry = an_object(
        {
            **dict.fromkeys(("id", "at", "actor", "action", "outcome"), TEXT),
            **dict.fromkeys(("subject", "address"), MAYBE_TEXT),
            "details": {"type": ["object", "null"]},
        }
    )
    return {
        "Session": an_object(
            {"user": {"anyOf": [ref("Me"), {"type": "null"}]}, "program": ref("Program")}, ("user",)
        ),
        "Program": an_object(
            {
                **dict.fromkeys(("id", "role", "zone"), TEXT),
                "area_codes": {"type": "array", "items": TEXT},
                "expires_at": MAYBE_TEXT,
            }
        ),
        "Token": an_object(shown),
        "Tokens": a_list(ref("Token")),
        "MadeToken": an_object({**shown, "token": TEXT}),
        "NewToken": an_object(
            {
                "name": {"type": "string", "minLength": 1, "maxLength": 60},
                "role": {"type": "string", "enum": ["grid_worker", "staff", "admin"]},
                "area_codes": {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 50},
                "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 3650, "default": 365},
            },
            ("name", "role"),
        ),
        "AuditEntry": entry,
        "AuditPage": an_object(
            {"items": {"type": "array", "items": ref("AuditEntry")}, "next": MAYBE_TEXT}, ("items", "next")
        ),
    }


def components() -> dict[str, Schema]:
    """Every component by name."""
    made: dict[str, Schema] = {
        **_answers(),
        **_bodies(),
        **_accounts(),
        **_tokens_and_audit(),
        **job_components(),
        "Statistics": _statistics(),
    }
    for kind in KINDS.values():
        name = NAMES[kind.name]
        made[name] = record_schema(kind)
        made[f"New{name}"] = writable_schema(kind, new=True)
        made[f"{name}Change"] = writable_schema(kind, new=False)
        made[f"{name}Page"] = an_object(
            {"items": {"type": "array", "items": ref(name)}, "next": MAYBE_TEXT, "total": COUNT},
            ("items", "next"),
        )
    return made
