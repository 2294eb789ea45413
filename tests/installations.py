"""Installations for the tests of `gridgov check`: settings, the worst finding about a thing, and the command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from api.checking.finding import Finding, Verdict
from gridgov.settings import Settings, read_settings
from gridgov.store import Store
from tests.throwaway_postgres import administration

ROOT = Path(__file__).resolve().parent.parent
SECRET = "Zk3-9vQm_Lr7TxHc2yWb8NfJd5GsAe1UoIp4"
BAD, WARNING, GOOD = Verdict.BAD, Verdict.WARNING, Verdict.GOOD


def sound(store: Store, folder: Path) -> Settings:
    """Settings of a sound installation over the store, which nobody has open any more."""
    store.close()
    url = store.url if store.dialect.name == "sqlite" else store._source[0]  # type: ignore[attr-defined]
    return configured(url, folder)


def configured(url: str, folder: Path, **given: object) -> Settings:
    return read_settings(
        {}, **{"database_url": url, "secret": SECRET, "attachments_url": f"file://{folder}/files", **given}
    )


def named(found: Iterator[Finding] | list[Finding], what: str) -> Finding:
    """The worst finding about `what`."""
    about = [each for each in found if each.what == what]
    assert about, f"nothing was said about {what}"
    return max(about, key=lambda each: (GOOD, WARNING, BAD).index(each.verdict))


def execute(url: str, *statements: str) -> None:
    with administration(url) as cursor:
        for statement in statements:
            cursor.execute(statement)


def gridgov_check(environment: dict[str, str], *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", "from api.cli import main; main()", "check", "--json"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
