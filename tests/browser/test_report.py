"""The public form: three ways to say where, and nothing that was typed is ever lost."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, Route

from tests.browser.conftest import Open

# A corner of the estate, in WGS 84.
LON, LAT = "113.3593", "33.7530"


def fill(page: Page, category: str = "fire_lane") -> None:
    """Category and words; the place is the test's matter."""
    page.locator(f"input[value={category}]").check()
    page.locator("#text").fill("3 号楼门口堆放纸箱 𠮷")


def type_place(page: Page) -> None:
    if not page.locator("#lon").is_visible():
        page.locator("#typed > summary").click()
    page.locator("#lon").fill(LON)
    page.locator("#lat").fill(LAT)


def answer_code(page: Page) -> str:
    """The number that the reporter is given."""
    page.locator("#answer").wait_for()
    return page.locator("#answer-code").inner_text()


def test_typed_coordinates_are_enough_and_the_answer_says_where_it_belongs(watch: Open) -> None:
    page = watch("phone").open("/report")
    fill(page)
    type_place(page)
    page.locator("#found").wait_for()
    page.locator("#contact > summary").click()
    page.locator("#name").fill("张三")
    page.locator("#phone").fill("13800000000")
    page.locator("#send").click()
    assert answer_code(page).startswith("WT-")
    links = page.locator("#answer-links").inner_text()
    assert "皇台街道" in links
    assert "张三" not in page.content()


def test_gps_puts_the_pin_and_its_accuracy(watch: Open) -> None:
    place = {"longitude": float(LON), "latitude": float(LAT), "accuracy": 12}
    watched = watch("phone", geolocation=place, permissions=["geolocation"])
    sent = _sent(watched.page)
    page = watched.open("/report")
    fill(page)
    page.locator("#locate").click()
    page.get_by_text("定位精度 12 m").wait_for()
    page.locator("#send").click()
    answer_code(page)
    assert (sent[0]["position_source"], sent[0]["accuracy_m"]) == ("gps", 12)
    assert abs(sent[0]["lon"] - float(LON)) < 1e-9


def test_moving_the_map_places_the_pin_by_hand_without_gps_accuracy(watch: Open) -> None:
    watched = watch()
    sent = _sent(watched.page)
    page = watched.open("/report")
    fill(page)
    page.locator("#pick-map path.draw").first.wait_for(state="attached")
    box = page.locator("#pick-map").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 20, middle[1] + 6, steps=4)
    page.mouse.up()
    page.get_by_text("手动选点").wait_for()
    page.locator("#send").click()
    answer_code(page)
    assert (sent[0]["position_source"], sent[0]["accuracy_m"]) == ("hand", None)


def test_the_form_works_when_the_map_cannot_load(watch: Open) -> None:
    watched = watch("phone", expected=("Failed to load resource",))
    watched.page.route("**/leaflet.js", lambda route: route.abort())
    page = watched.open("/report")
    page.get_by_text("地图没有加载出来").wait_for()
    fill(page)
    type_place(page)
    page.locator("#send").click()
    assert answer_code(page)


def test_gaps_are_named_and_get_the_focus(watch: Open) -> None:
    page = watch().open("/report?lang=en")
    page.locator("#send").click()
    assert page.locator("#category-error").inner_text() == "Choose a category."
    assert "move the map" in page.locator("#place-error").inner_text()
    assert page.evaluate("document.activeElement.name") == "category"
    fill(page)
    page.locator("#typed > summary").click()
    page.locator("#lon").fill("33.75")
    page.locator("#lat").fill("113.36")
    page.locator("#send").click()
    assert "are they swapped?" in page.locator("#place-error").inner_text()


def test_without_the_service_everything_stays_and_is_sent_once_later(watch: Open) -> None:
    watched = watch("phone", expected=("Failed to load resource", "ERR_INTERNET_DISCONNECTED"))
    page = watched.open("/report")
    page.locator("#pick-map path.draw").first.wait_for(state="attached")
    fill(page)
    type_place(page)
    watched.context.set_offline(True)
    page.locator("#send").click()
    page.get_by_text("没有连上服务").wait_for()
    watched.context.set_offline(False)
    watched.open("/report")
    assert page.locator("#text").input_value() == "3 号楼门口堆放纸箱 𠮷"
    assert page.locator("input[value=fire_lane]").is_checked()
    assert page.locator("#lon").input_value() == LON
    page.locator("#send").click()
    answer_code(page)
    watched.open("/report")
    assert page.locator("#text").input_value() == ""


def test_a_lost_answer_does_not_make_a_second_issue(watch: Open) -> None:
    watched = watch(expected=("Failed to load resource", "ERR_FAILED"))
    sent = _sent(watched.page)
    page = watched.open("/report")
    fill(page)
    type_place(page)
    codes: list[str] = []

    def lose(route: Route) -> None:
        codes.append(route.fetch().json()["issue"]["code"])
        route.abort()

    page.route("**/api/issues?*", lose)
    page.locator("#send").click()
    page.get_by_text("没有连上服务").wait_for()
    page.unroute("**/api/issues?*")
    page.locator("#send").click()
    assert answer_code(page) == codes[0]
    assert sent[0]["id"] == sent[1]["id"]


def test_map_app_coordinates_are_converted(watch: Open) -> None:
    watched = watch()
    sent = _sent(watched.page)
    page = watched.open("/report")
    fill(page)
    type_place(page)
    page.locator("#crs").select_option("gcj02")
    page.locator("#found").wait_for()
    page.locator("#send").click()
    answer_code(page)
    assert sent[0]["crs"] == "gcj02"


def test_an_insecure_address_says_why_there_is_no_position(watch: Open) -> None:
    watched = watch()
    watched.page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    watched.page.add_init_script("delete Crypto.prototype.randomUUID")
    page = watched.open("/report")
    page.locator("#locate").click()
    page.get_by_text("当前地址不是 https").wait_for()
    fill(page)
    type_place(page)
    page.locator("#send").click()
    assert answer_code(page)


def _sent(page: Page) -> list[dict[str, Any]]:
    """The bodies that the page sends to the service from now on."""
    bodies: list[dict[str, Any]] = []

    def note(request: Any) -> None:
        if request.method == "POST" and "/api/issues" in request.url:
            bodies.append(json.loads(request.post_data))

    page.on("request", note)
    return bodies
