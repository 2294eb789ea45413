"""What clients sent and what the service acknowledged, on disk before the next request leaves.

A client notes a write before it sends it and again when the answer came. A write that was sent and never answered may
have happened or not; one that was answered must be there, once, with the content that was sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Content = dict[str, Any]


@dataclass
class Expected:
    """What the store must hold of one record: its acknowledged state, or the one that was sent last.

    version 0: nothing was acknowledged yet. sent: version and content of the write whose answer never came.
    revision, code: what the answers named, 0 and "" while none did. past: version → content of acknowledged writes.
    """

    kind: str
    version: int = 0
    content: Content = field(default_factory=dict)
    sent: tuple[int, Content] | None = None
    revision: int = 0
    code: str = ""
    past: dict[int, Content] = field(default_factory=dict)


@dataclass
class Expectations:
    """What all journals say together. revisions: the highest that any answer named, by kind."""

    records: dict[tuple[str, str], Expected] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0

    def of(self, kind: str) -> dict[str, Expected]:
        """Id → what is expected of it, for one kind."""
        return {identifier: each for (name, identifier), each in self.records.items() if name == kind}


class Journal:
    """The journal of one client: JSON lines, each with the operating system before the call returns.

    acknowledged: how many writes were, so far.
    """

    def __init__(self, path: Path) -> None:
        self.acknowledged = 0
        self._file = path.open("ab", buffering=0)

    def sent(self, kind: str, identifier: str, version: int, content: Content) -> None:
        """Note a write that is about to be sent and would lead to this version."""
        self._write({"sent": [kind, identifier], "version": version, "content": content})

    def kept(self, kind: str, identifier: str, version: int, revision: int | None, code: str = "") -> None:
        """Note that the write noted last for this record was acknowledged, with the revision and code it was given."""
        self._write({"kept": [kind, identifier], "version": version, "revision": revision, "code": code})
        self.acknowledged += 1

    def close(self) -> None:
        """Nothing more will be noted."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def read_journals(folder: Path) -> Expectations:
    """What all journals of a folder say."""
    found = Expectations()
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            _take(found, json.loads(line))
    return found


def _take(found: Expectations, line: dict[str, Any]) -> None:
    kind, identifier = line.get("sent") or line["kept"]
    expected = found.records.setdefault((kind, identifier), Expected(kind))
    if "sent" in line:
        expected.sent = (line["version"], line["content"])
        return
    assert expected.sent is not None, "a write is noted before it is acknowledged"
    expected.version, expected.content, expected.sent = line["version"], expected.sent[1], None
    expected.past[expected.version] = expected.content
    expected.code = expected.code or line["code"]
    found.acknowledged += 1
    if line["revision"]:
        expected.revision = max(expected.revision, line["revision"])
        found.revisions[kind] = max(found.revisions.get(kind, 0), line["revision"])
