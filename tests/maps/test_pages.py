"""Pages and assets: a closed table, words in both languages, nothing inline that the policy would stop."""

from __future__ import annotations

import json
import re

import pytest

from gridgov.errors import NotFound
from gridgov.models.vocabulary import CONFIDENTIAL_CATEGORIES, ISSUE_CATEGORIES
from maps import pages, style
from maps.words import WORDS

CHINESE = re.compile(r"[㐀-鿿]")
SOURCES = {name: pages.asset(name)[0].decode() for name in pages.assets() if name.startswith("js/")}


def words() -> dict[str, dict[str, str]]:
    """The dictionaries of the pages; the file is JSON after its `=`."""
    text = SOURCES["js/words.js"]
    found: dict[str, dict[str, str]] = json.loads(text[text.index("= {") + 2 : text.rindex("}") + 1])
    return found


def test_assets_have_a_type_and_a_tag_that_follows_the_content() -> None:
    content, media_type, tag = pages.asset("tokens.css")
    assert content.decode() == style.tokens_css()
    assert media_type == "text/css; charset=utf-8"
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert tag != pages.asset("css/site.css")[2]
    assert pages.asset("vendor/leaflet/images/layers.png")[1] == "image/png"


@pytest.mark.parametrize(
    "name",
    ["../pages.py", "css/../../pages.py", "/etc/passwd", "", "index.html", "vendor/manifest.json",
     "css//site.css", "css/site.css\x00", "CSS/site.css", "..%2fpages.py"],
)  # fmt: skip
def test_what_is_not_in_the_table_does_not_exist(name: str) -> None:
    with pytest.raises(NotFound):
        pages.asset(name)


def test_unknown_pages_do_not_exist() -> None:
    with pytest.raises(NotFound, match="index, report, sign-in"):
        pages.page("admin")


@pytest.mark.parametrize("name", pages.PAGES)
def test_pages_name_only_assets_that_exist_and_hold_nothing_inline(name: str) -> None:
    html = pages.page(name).decode()
    for asset in pages.page_assets(name):
        pages.asset(asset)
    assert pages.page_assets(name)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


def test_modules_import_only_files_that_exist() -> None:
    for name, source in SOURCES.items():
        for target in re.findall(r'from "\./([^"]+)"', source):
            assert f"js/{target}" in SOURCES, name
        for target in re.findall(r'"/assets/([^"]+)"', source):
            pages.asset(target)


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    dictionaries = words()
    assert set(dictionaries["zh"]) == set(dictionaries["en"])
    for key, text in dictionaries["zh"].items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(
            re.findall(r"\{(\w+)\}", dictionaries["en"][key])
        ), key


def test_the_english_words_hold_no_chinese_but_the_name_of_the_other_language() -> None:
    left = {key for key, text in words()["en"].items() if CHINESE.search(text)}
    assert left == {"language.other"}
    assert {key for key, text in WORDS.items() if CHINESE.search(text.en)} == {"other.language"}


def test_every_key_that_a_page_or_module_uses_is_in_the_dictionary() -> None:
    text = "".join(pages.page(name).decode() for name in pages.PAGES) + "".join(SOURCES.values())
    used = set(re.findall(r'data-t(?:-label|-placeholder)?="([\w.]+)"', text)) | set(
        re.findall(r'\bsay\("([\w.]+)"', text)
    )
    assert used - set(words()["zh"]) == set()


def test_categories_of_the_form_are_those_of_the_field_and_never_confidential() -> None:
    offered = re.findall(r'"(\w+)",?', SOURCES["js/report.js"].split("CATEGORIES = [")[1].split("]")[0])
    assert len(offered) == 12
    for code in offered:
        assert code not in CONFIDENTIAL_CATEGORIES
        assert words()["zh"][f"category.{code}"] == ISSUE_CATEGORIES.label(code, "zh")
        assert words()["en"][f"category.{code}"] == ISSUE_CATEGORIES.label(code, "en")


def test_stylesheets_use_only_tokens_that_exist() -> None:
    known = set(re.findall(r"--([\w-]+):", style.tokens_css()))
    for name in ("css/site.css", "css/view.css"):
        used = set(re.findall(r"var\(--([\w-]+)\)", pages.asset(name)[0].decode()))
        assert used - known == set(), name


def test_policies_allow_no_inline_code_without_the_nonce() -> None:
    for policy in (pages.PAGE_POLICY, pages.view_policy("abc")):
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
    assert "script-src 'self' 'nonce-abc'" in pages.view_policy("abc")
