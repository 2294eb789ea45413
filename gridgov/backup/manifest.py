"""The manifest of a backup: what the archive holds, from which moment of which store, made by which program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from gridgov.blobs import PHOTOS
from gridgov.errors import ArchiveDamaged, SchemaTooNew
from gridgov.settings import Settings
from gridgov.store.copying import FOLDERS
from gridgov.store.copying_parts import Contents, shown_address

FORMAT = 1
NAME = "manifest.json"
STORE, FILES = "store/", "files/"

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Parts of the store, or files by the keys that gridgov makes: no path of an archive leads anywhere else.
_EntryName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(store/[a-z][a-z0-9_]{0,62}\.[a-z]{3,10}|files/(attachments|uploads)(/[0-9a-z][0-9a-z_-]*(\.[0-9a-z_-]+)*){1,4})$",
        max_length=500,
    ),
]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Told):
    """One migration of the copy."""

    number: Annotated[int, Field(ge=1)]
    name: str
    checksum: _Hash


class TableContents(_Told):
    """One table: its columns as they are written, and its rows."""

    name: _Name
    columns: list[_Name]
    rows: Annotated[int, Field(ge=0)]


class Revision(_Told):
    """The revision of one kind in one zone."""

    zone: str
    kind: str
    revision: int


class Entry(_Told):
    """One entry of the archive: its unpacked size in bytes and the SHA-256 of that."""

    name: _EntryName
    size: Annotated[int, Field(ge=0)]
    sha256: _Hash


class Manifest(_Told):
    """See the module. erased: files erased while the copy was made. missing: files that should be there and are not.

    `damaged` are photos that are in the archive as they were found, though they are not what their keys say.
    """

    format: Literal[1] = 1
    gridgov: str
    made_at: AwareDatetime
    store: Literal["sqlite", "postgresql"]
    migrations: dict[str, Annotated[list[Step], Field(min_length=1)]]
    tables: list[TableContents]
    revisions: list[Revision]
    settings: dict[str, Any]
    entries: list[Entry]
    erased: list[str] = []
    missing: list[str] = []

    @model_validator(mode="after")
    def _of_one_store(self) -> Manifest:
        if set(self.migrations) != set(FOLDERS[self.store]):
            raise ValueError(f"it does not tell the migrations of {' and '.join(FOLDERS[self.store])}")
        for steps in self.migrations.values():
            if [step.number for step in steps] != list(range(1, len(steps) + 1)):
                raise ValueError("its migrations are not numbered from 1 without a gap")
        return self

    @property
    def complete(self) -> bool:
        """Whether every file that the store names is in the archive, and none is damaged."""
        return not self.missing and not self.damaged

    @property
    def damaged(self) -> list[str]:
        """Keys of photos whose content is not what the key says: each key ends in the hash of its photo."""
        named = [entry for entry in self.files if entry.name.startswith(FILES + PHOTOS)]
        return [
            entry.name.removeprefix(FILES) for entry in named if entry.name.rpartition("/")[2] != entry.sha256
        ]

    @property
    def by_name(self) -> dict[str, Entry]:
        """Entries by their names."""
        return {entry.name: entry for entry in self.entries}

    @property
    def files(self) -> list[Entry]:
        """The entries that are photos and uploads."""
        return [entry for entry in self.entries if entry.name.startswith(FILES)]

    def contents(self) -> Contents:
        """What gridgov.store needs to know of the copy."""
        return Contents(
            self.store,
            {
                folder: [(step.number, step.name, step.checksum) for step in steps]
                for folder, steps in self.migrations.items()
            },
            {table.name: table.columns for table in self.tables},
        )

    def as_bytes(self) -> bytes:
        """The manifest as it stands in the archive."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1).encode()

    def summary(self) -> dict[str, Any]:
        """What a person wants to know of a backup, JSON-ready."""
        return {
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "gridgov": self.gridgov,
            "store": self.store,
            "rows": sum(table.rows for table in self.tables),
            "tables": {table.name: table.rows for table in self.tables if table.rows},
            "files": len(self.files),
            "bytes": sum(entry.size for entry in self.entries),
            "complete": self.complete,
            "missing": self.missing,
            "damaged": self.damaged,
            "erased_meanwhile": self.erased,
        }


def read_manifest(raw: bytes) -> Manifest:
    """The manifest in these bytes. Raises SchemaTooNew for a later format, ArchiveDamaged for anything else."""
    try:
        told = json.loads(raw)
    except ValueError as error:
        raise ArchiveDamaged(f"The backup's {NAME} is damaged: it is no JSON.", entry=NAME) from error
    number = told.get("format") if isinstance(told, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise SchemaTooNew(
            f"The backup has format {number}, made by gridgov {told.get('gridgov')}; this gridgov reads up to "
            f"{FORMAT}. Use the newer gridgov that made it.",
            found=number,
            known=FORMAT,
        )
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = "".join(f".{step}" for step in fault["loc"]).replace(".", " at ", 1)
        raise ArchiveDamaged(f"The backup's {NAME} is damaged{where}: {fault['msg']}.", entry=NAME) from error


def told_settings(settings: Settings) -> dict[str, Any]:
    """The settings without anything secret: no secret fields, no access keys, of addresses what holds no password."""
    told = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) or name.endswith("_key"):
            continue
        told[name] = shown_address(value) if isinstance(value, str) and "://" in value else value
    return told


def steps_told(contents: Contents) -> Mapping[str, list[Step]]:
    """The migrations of a copy for its manifest."""
    return {
        folder: [Step(number=number, name=name, checksum=checksum) for number, name, checksum in steps]
        for folder, steps in contents.migrations.items()
    }
