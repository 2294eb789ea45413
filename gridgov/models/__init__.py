"""Record kinds, their fields and vocabularies: frozen tables that every other module reads."""

from gridgov.models import vocabulary
from gridgov.models.fields import (
    ENVELOPE,
    Audience,
    Field,
    FieldType,
    GeometryType,
    Record,
    RecordKind,
    Term,
    Vocabulary,
)
from gridgov.models.kinds import (
    AREAS,
    BUILDINGS,
    DEPARTMENTS,
    FACILITIES,
    ISSUES,
    KINDS,
    LISTINGS,
    PARCELS,
    PLANTS,
    UNITS,
)

__all__ = [
    "AREAS",
    "BUILDINGS",
    "DEPARTMENTS",
    "ENVELOPE",
    "FACILITIES",
    "ISSUES",
    "KINDS",
    "LISTINGS",
    "PARCELS",
    "PLANTS",
    "UNITS",
    "Audience",
    "Field",
    "FieldType",
    "GeometryType",
    "Record",
    "RecordKind",
    "Term",
    "Vocabulary",
    "vocabulary",
]
