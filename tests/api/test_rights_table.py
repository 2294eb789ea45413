"""The table of routes in docs/api.md is the table of rights in the code."""

from __future__ import annotations

import re
from pathlib import Path

from api.rights import RIGHTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_document_lists_every_route_with_its_rights() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split("## Every route")[1]
    told = set()
    for path, rights in re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, flags=re.MULTILINE):
        told |= {(method, path, action) for method, action in re.findall(r"([A-Z]+) `([^`]+)`", rights)}
    assert told == {(method, path.replace(":path", ""), action) for (method, path), action in RIGHTS.items()}
