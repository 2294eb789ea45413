"""Every page and view in both languages at a desk and on a phone: clean, local, in its language, touchable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conftest import LOGIN, PASSWORD, SIZES, Open

PAGES = ("/", "/report", "/sign-in", "/maps/parks", "/maps/land", "/maps/plants", "/maps/grids")
CHINESE = re.compile(r"[㐀-鿿]")
# Elements that people tap; words on the map itself are places, not controls.
TARGETS = ".bar a, .button, summary, .choices label, .row, .leaflet-bar a, input:not([type=radio]), select"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_clean(watch: Open, pictures: Path, path: str, language: str, size: str) -> None:
    watched = watch(size)
    page = watched.open(f"{path}?lang={language}")
    if path == "/report":
        page.locator("#pick-map path.draw").first.wait_for(state="attached")
    page.screenshot(path=pictures / f"{path.strip('/').replace('/', '-') or 'index'}-{language}-{size}.png")
    assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language == "zh" else "en")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
    assert page.locator("h1").count() == 1
    if language == "en":
        own = page.eval_on_selector_all(
            "[data-t], .figures dt, .legend h2, .panel section h2, .bar nav a:not(.language), .title-block",
            "all => all.map(each => each.textContent).join(' ')",
        )
        assert not CHINESE.search(own), own


@pytest.mark.parametrize("path", PAGES)
def test_targets_on_a_phone_are_large_enough(watch: Open, path: str) -> None:
    page = watch("phone").open(path)
    small = page.eval_on_selector_all(
        TARGETS,
        """all => all.filter(each => each.checkVisibility()).map(each => [each.outerHTML.slice(0, 90),
        each.getBoundingClientRect().height]).filter(([, height]) => height > 0 && height < 44)""",
    )
    assert small == []


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_stops_code_that_was_slipped_in(watch: Open, path: str) -> None:
    page = watch(expected=("Content Security Policy", "Content-Security-Policy")).open(path)
    page.evaluate(
        """() => { const script = document.createElement('script');
        script.textContent = 'window.slipped = true'; document.body.append(script); }"""
    )
    assert page.evaluate("window.slipped") is None


@pytest.mark.parametrize("name", ["parks", "land", "plants", "grids"])
def test_a_row_of_the_list_opens_its_card_on_the_map(watch: Open, name: str) -> None:
    page = watch().open(f"/maps/{name}")
    row = page.locator("button.row").first
    title = row.locator("b").inner_text()
    row.focus()
    page.keyboard.press("Enter")
    card = page.locator(".leaflet-popup .card")
    card.wait_for()
    assert title in card.inner_text()
    assert row.get_attribute("aria-current") == "true"


@pytest.mark.parametrize("name", ["parks", "land", "plants", "grids"])
def test_a_layer_can_be_switched_off(watch: Open, name: str) -> None:
    page = watch().open(f"/maps/{name}")
    before = page.locator("path.leaflet-interactive").count()
    assert before > 5
    page.locator(".leaflet-control-layers").hover()
    for box in page.locator(".leaflet-control-layers-selector").all():
        box.uncheck()
    assert page.locator("path.leaflet-interactive").count() == 0


def test_on_a_phone_the_list_is_a_sheet_that_opens(watch: Open) -> None:
    page = watch("phone").open("/maps/plants")
    row = page.locator("button.row").first
    assert not row.is_visible()
    page.locator("#panel > summary").tap()
    row.tap()
    page.locator(".leaflet-popup .card").wait_for()
    assert not row.is_visible()


def test_labels_never_lie_on_one_another(watch: Open) -> None:
    page = watch().open("/maps/grids?lang=en")
    page.wait_for_timeout(500)
    overlaps = page.evaluate(
        """() => { const boxes = [...document.querySelectorAll('.label:not(.hidden) span')]
        .map(each => each.getBoundingClientRect()); let count = 0;
        boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => { if (a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom) count += 1; })); return [boxes.length, count]; }"""
    )
    assert overlaps[0] > 5
    assert overlaps[1] == 0


@pytest.mark.parametrize("name", ["parks", "land", "plants", "grids"])
def test_a_standalone_file_opens_from_disk_with_the_network_cut(
    watch: Open, name: str, tmp_path: Path
) -> None:
    online = watch()
    answer = online.context.request.get(f"{online.service}/maps/{name}?standalone=1")
    assert answer.ok
    file = tmp_path / f"{name}.html"
    file.write_bytes(answer.body())
    watched = watch()
    watched.context.set_offline(True)
    page = watched.open(file.as_uri())
    assert page.locator("path.leaflet-interactive").count() > 5
    page.locator("button.row").first.click()
    page.locator(".leaflet-popup .card").wait_for()
    assert page.locator("a[href^='/'], link[href^='/'], script[src]").count() == 0


def test_signing_in_shows_issues_and_signing_out_hides_them(watch: Open) -> None:
    watched = watch(expected=("401",))
    page = watched.open("/sign-in")
    page.locator("#login").fill(LOGIN)
    page.locator("#password").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("账号或密码不对").wait_for()
    assert page.locator("#login").input_value() == LOGIN
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="测试人员").wait_for()
    watched.open("/maps/grids")
    assert page.get_by_text("件已结案").count() == 1
    assert page.locator(".pin, .cluster").count() > 0
    watched.open("/sign-in")
    page.get_by_role("button", name="退出登录").click()
    page.locator("#login").wait_for()
    watched.open("/maps/grids")
    assert page.get_by_text("件已结案").count() == 0


def test_the_language_link_keeps_the_page(watch: Open) -> None:
    page = watch().open("/maps/land")
    page.get_by_role("link", name="English").click()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("h1").inner_text() == "Land use and reserved land"
    assert "/maps/land?lang=en" in page.url


def test_pages_below_a_zone_stay_in_their_zone(watch: Open) -> None:
    page = watch().open("/z/pds-gaoxin/?lang=en")
    assert page.locator("[data-zone]").inner_text() == "Pingdingshan High-tech Zone"
    page.get_by_role("link", name="Grids").click()
    page.wait_for_selector("body[data-ready]")
    page.get_by_role("link", name="Parks").click()
    page.wait_for_selector("body[data-ready]")
    assert "/z/pds-gaoxin/maps/parks?lang=en" in page.url
    page.locator(".bar .zone").click()
    page.wait_for_selector("body[data-ready]")
    assert page.url.endswith("/z/pds-gaoxin/?lang=en")
