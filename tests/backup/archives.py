"""Archives as nobody should make them: entries replaced, added or left out, other words in the manifest."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridgov.backup.archive import COMMENT


def rewritten(archive: Path, entries: Mapping[str, bytes | None]) -> Path:
    """A copy of an archive with some entries replaced, added, or (None) left out."""
    made = archive.with_name(f"rewritten-{len(list(archive.parent.iterdir()))}-{archive.name}")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(made, "w") as target:
        target.comment = COMMENT
        there = {name: source.read(name) for name in source.namelist()}
        for name, content in {**there, **entries}.items():
            if content is not None:
                target.writestr(name, content)
    return made


def changed_manifest(archive: Path, **changes: Any) -> Path:
    """A copy of an archive with other words in its manifest."""
    with zipfile.ZipFile(archive) as source:
        told = json.loads(source.read("manifest.json"))
    return rewritten(archive, {"manifest.json": json.dumps({**told, **changes}).encode()})
