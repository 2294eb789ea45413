"""The documents say what the code has: settings, commands, routes, layers, terms; and no private places."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from api import cli
from api.app import create_app
from gridgov.layers import LAYERS
from gridgov.models import KINDS, vocabulary
from gridgov.models.fields import Vocabulary
from gridgov.settings import PREFIX, Settings
from gridgov.store import Store

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh-CN.md"]
VOCABULARIES = [value for value in vars(vocabulary).values() if isinstance(value, Vocabulary)]
TEXT_FILES = {
    ".py",
    ".md",
    ".js",
    ".mjs",
    ".json",
    ".toml",
    ".lock",
    ".css",
    ".html",
    ".sql",
    ".csv",
    ".sh",
    "",
}


@cache
def documents() -> str:
    """README and everything in docs/, as one text."""
    paths = [ROOT / name for name in READMES] + sorted((ROOT / "docs").rglob("*.md"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@cache
def glossary() -> str:
    return (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """The text files that git keeps."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and path.suffix in TEXT_FILES]


def code_spans() -> str:
    """Only what the documents set in code type, so that an ordinary word does not count as documentation."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", documents(), flags=re.DOTALL))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_setting_is_documented(name: str) -> None:
    assert f"{PREFIX}{name.upper()}" in code_spans()


def test_the_documents_name_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z][A-Z0-9_]*", documents()))
    assert named - {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} == set()


def command_names(group: TyperGroup, above: str = "") -> Iterator[str]:
    """The commands below `group` as they are typed, `user add` for one inside another."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from command_names(command, f"{above}{name} ")
        elif not command.hidden:
            yield above + name


def test_every_command_is_documented() -> None:
    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    names = set(command_names(group))
    assert {"serve", "init", "seed", "import", "export", "check"} <= names
    assert [name for name in sorted(names) if f"gridgov {name}" not in code_spans()] == []


def test_every_route_is_documented(sqlite_store: Store) -> None:
    paths = set(create_app(Settings(demo=True), sqlite_store).openapi()["paths"])
    assert "/healthz" in paths
    missing = [
        path for path in sorted(paths) if path not in code_spans() and of_any_kind(path) not in code_spans()
    ]
    assert missing == []


def of_any_kind(path: str) -> str:
    """The path as documents write it once for all record kinds: /api/plants/{identifier} → /api/{kind}/{identifier}."""
    return re.sub(rf"^/api/({'|'.join(KINDS)})(?=/|$)", "/api/{kind}", path)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_layer_is_documented(name: str) -> None:
    assert re.search(rf"`{name}`", documents())


@pytest.mark.parametrize("words", VOCABULARIES, ids=lambda words: words.name)
def test_glossary_has_every_term(words: Vocabulary) -> None:
    missing = [
        term.code
        for term in words.terms
        if f"`{term.code}`" not in glossary() or term.zh not in glossary() or term.en not in glossary()
    ]
    assert missing == []


@pytest.mark.parametrize("name", READMES)
def test_readme_shows_the_two_commands_and_a_picture_in_its_first_forty_lines(name: str) -> None:
    top = "\n".join((ROOT / name).read_text(encoding="utf-8").splitlines()[:40])
    assert "make demo" in top
    assert "make test" in top
    [picture, *_] = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", top)
    assert (ROOT / picture).stat().st_size > 10_000


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        near = [target for target in targets if not re.match(r"[a-z]+:", target)]
        broken += [f"{path.relative_to(ROOT)}: {name}" for name in near if not (path.parent / name).exists()]
    assert broken == []


def test_every_make_command_named_in_the_documents_exists() -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    named = set(re.findall(r"\bmake ([a-z]+)\b", code_spans()))
    assert named
    assert named - targets == set()


def test_locks_name_no_host() -> None:
    locks = [*(ROOT / "requirements").glob("*.lock"), ROOT / "package-lock.json"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert "--index-url" not in text
        assert "--find-links" not in text


MACHINE_PLACES = re.compile(r"/(?:work|root|home|Users)/[\w.-]+")


def test_no_file_names_a_place_on_one_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_text(encoding="utf-8")
        hits = [
            hit for hit in MACHINE_PLACES.finditer(text) if not re.match(r"[\w.}$)]", text[hit.start() - 1])
        ]
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in hits]
    assert found == []


def test_no_document_or_page_loads_from_a_foreign_host() -> None:
    hosts = re.compile(r"https?://[a-z0-9.-]*(?:cdn|unpkg|jsdelivr|googleapis|bootstrapcdn)", re.IGNORECASE)
    pages = [path for path in tracked() if path.suffix in {".js", ".mjs", ".css", ".html", ".md"}]
    assert [path.name for path in pages if hosts.search(path.read_text(encoding="utf-8"))] == []
