"""Archives that mean harm, or were packed badly, are refused before anything is written outside."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from gridgov.errors import TooLarge, UnreadableFile, UnsafeArchive
from gridgov.exchange import archive
from gridgov.exchange.reading import read_source
from gridgov.settings import Settings
from tests.exchange.files import parcels, write_geojson

SETTINGS = Settings()


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    ["../evil.geojson", "a/../../evil.geojson", "/etc/evil.geojson", "C:/evil.geojson", "..\\evil.geojson"],
)
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    path = packed(tmp_path / "in" / "a.zip", **{name: b"{}"})
    with pytest.raises(UnsafeArchive, match="out of the archive"):
        archive.unpack(path, tmp_path / "in" / "out", SETTINGS)
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "a.zip"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a" * 300 + ".geojson"], "too long"),
        (["地" * 86 + ".geojson"], "too long"),
        (["/".join(["folder"] * 400) + "/a.geojson"], "too long"),
        (["a", "a/b.geojson"], "'a' as a file and as a folder"),
        (["a/b/c.geojson", "a"], "'a' as a file and as a folder"),
        (["a.geojson", "./a.geojson"], "'a.geojson' twice"),
        (["."], "without a name"),
        (["./."], "without a name"),
    ],
)
def test_names_that_no_folder_can_hold_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    path = packed(tmp_path / "a.zip", **dict.fromkeys(names, b"{}"))
    with pytest.raises(UnsafeArchive, match=said):
        archive.unpack(path, tmp_path / "out", SETTINGS)
    assert not (tmp_path / "out").exists()


def test_a_member_without_any_name_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", X=b"{}")
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 28] = 0  # bytes of the name
    content[entry + 32] = 1  # bytes of the comment behind it
    path.write_bytes(content)
    with pytest.raises(UnsafeArchive, match="without a name"):
        archive.unpack(path, tmp_path / "out", SETTINGS)


def test_a_long_name_that_a_disk_can_hold_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"地" * 83 + ".csv": b"x"})
    assert archive.unpack(path, tmp_path / "out", SETTINGS)[0].read_bytes() == b"x"


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        link = zipfile.ZipInfo("a.geojson")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match=r"the link a\.geojson"):
        read_source(path, SETTINGS)


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.csv": b"0" * 30_000_000})
    with pytest.raises(UnsafeArchive, match="times its size"):
        read_source(path, SETTINGS)


def test_a_bomb_that_lies_about_its_size_is_stopped_while_unpacking(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.csv": b"x,y\n" * 5_000})
    content = path.read_bytes()
    true_size = (20_000).to_bytes(4, "little")
    assert content.count(true_size) == 2
    path.write_bytes(content.replace(true_size, (10).to_bytes(4, "little")))
    with pytest.raises(UnreadableFile, match="damaged"):
        archive.unpack(path, tmp_path / "out", SETTINGS)
    assert sum(each.stat().st_size for each in (tmp_path / "out").rglob("*")) < 20_000


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{f"{number}.txt": b"" for number in range(archive.MOST_FILES + 1)})
    with pytest.raises(UnsafeArchive, match="2001 files"):
        read_source(path, SETTINGS)


def test_more_content_than_allowed_names_the_setting(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.csv": bytes(range(256)) * 8})
    with pytest.raises(TooLarge, match="GRIDGOV_UNPACKED_MAX_BYTES = 1,024"):
        read_source(path, Settings(unpacked_max_bytes=1024))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"a.csv": b"x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="encrypted"):
        read_source(path, SETTINGS)


def test_an_archive_must_hold_one_layer(tmp_path: Path) -> None:
    two = packed(tmp_path / "two.zip", **{"a.geojson": b"{}", "b.geojson": b"{}"})
    with pytest.raises(UnreadableFile, match=r"exactly one layer file; it holds a\.geojson, b\.geojson"):
        read_source(two, SETTINGS)
    none = packed(tmp_path / "none.zip", **{"readme.txt": b"x"})
    with pytest.raises(UnreadableFile, match=r"holds readme\.txt"):
        read_source(none, SETTINGS)


def test_the_extras_of_other_systems_do_not_disturb(tmp_path: Path) -> None:
    sound = write_geojson(tmp_path / "a.geojson", parcels()).read_bytes()
    path = packed(tmp_path / "a.zip", **{"地块/a.geojson": sound, "__MACOSX/._a.geojson": b"\x00\x05"})
    assert len(read_source(path, SETTINGS)) == 3


def test_names_packed_in_gbk_are_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("XXXX.csv", "编号\n1\n")
    path = tmp_path / "a.zip"
    path.write_bytes(buffer.getvalue().replace(b"XXXX", "地块".encode("gbk")))
    assert [each.name for each in archive.unpack(path, tmp_path / "out", SETTINGS)] == ["地块.csv"]


ENTITY = '<?xml version="1.0"{}?><!DOCTYPE kml [<!ENTITY a "b">]><kml><Document/></kml>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "text", [ENTITY, "<kml><!ENTITY x SYSTEM 'file:///etc/passwd'></kml>", "<kml><! doctype a></kml>"]
)
def test_a_kml_with_entities_is_refused(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "a.kml"
    path.write_text(text.format(f' encoding="{encoding}"'), encoding=encoding)
    with pytest.raises(UnsafeArchive, match="DOCTYPE or ENTITY"):
        read_source(path, SETTINGS)


def test_a_kml_in_utf_16_without_a_mark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text("<kml><Document/></kml>", encoding="utf-16-le")
    with pytest.raises(UnreadableFile):
        read_source(path, SETTINGS)
