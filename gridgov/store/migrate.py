"""Numbered, checksummed migrations: which there are, which are missing, and whether a database fits this program.

A migration is one SQL file `NNNN_verb_phrase.sql` in data/schema/<folder>; an applied one never changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from gridgov.errors import ConfigurationProblem, SchemaAltered, SchemaMissing, SchemaTooNew
from gridgov.settings import data_folder


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, name, SQL and the SHA-256 of that SQL."""

    number: int
    name: str
    sql: str
    checksum: str


class Applied(Protocol):
    """A database that knows which migrations it has."""

    def applied(self) -> dict[int, tuple[str, str]]:
        """Number → (name, checksum)."""


def migrations(folder: str) -> list[Migration]:
    """All migrations of a folder of data/schema in order. Raises ConfigurationProblem for a gap in the numbers."""
    steps = []
    for path in sorted((data_folder() / "schema" / folder).glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+", path.stem)
        if match is None:
            raise ConfigurationProblem(f"The migration file {path.name} must be named NNNN_verb_phrase.sql.")
        sql = path.read_text(encoding="utf-8")
        steps.append(Migration(int(match[1]), path.stem, sql, hashlib.sha256(sql.encode()).hexdigest()))
    if not steps or [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise ConfigurationProblem(f"The migrations of {folder} must be numbered from 1 without a gap.")
    return steps


def missing(applied: Mapping[int, tuple[str, str]], folder: str) -> list[Migration]:
    """The steps a database still needs. Raises SchemaTooNew or SchemaAltered when it does not fit this program."""
    steps = migrations(folder)
    if applied and max(applied) > len(steps):
        name = applied[max(applied)][0]
        raise SchemaTooNew(
            f"The database has migration {name}, this gridgov knows {steps[-1].name} at most. "
            "Start the newer gridgov that made it.",
            found=name,
            known=steps[-1].name,
        )
    for step in steps:
        if step.number in applied and applied[step.number][1] != step.checksum:
            raise SchemaAltered(
                f"Migration {step.name} was applied with other content than the one shipped. "
                "Restore the file as it was released; a change belongs into a new migration.",
                migration=step.name,
            )
    return [step for step in steps if step.number not in applied]


def check(database: Applied, folder: str) -> None:
    """Raises SchemaMissing, SchemaTooNew or SchemaAltered unless everything shipped is applied, and nothing else."""
    applied = database.applied()
    lacking = missing(applied, folder)
    if lacking:
        raise SchemaMissing(
            f"The database lacks {len(lacking)} migration(s), first {lacking[0].name}. Run `gridgov init`.",
            missing=[step.name for step in lacking],
        )


def statements(sql: str, complete: Callable[[str], bool]) -> Iterator[str]:
    """The single statements of an SQL text; `complete` tells whether a text ends a statement (triggers nest)."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        if not pending and (not line.strip() or line.lstrip().startswith("--")):
            continue
        pending += line
        if complete(pending):
            yield pending.strip()
            pending = ""
    if pending.strip():
        raise ConfigurationProblem(
            f"The last statement of a migration is not finished: {pending.strip()[:80]}"
        )
