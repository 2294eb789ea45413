"""Photos on the public form: chosen before, uploaded after the report, never lost while the page is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, FilePayload, Page, Route, expect

from tests.browser.conftest import LOGIN, PASSWORD, Open
from tests.browser.test_report import answer_code, fill, type_place
from tests.images.specimens import encoded, exif, picture


def photo(number: int = 0) -> FilePayload:
    """A file as a picker gives it."""
    content = encoded(picture(size=(800 + number, 600)), exif=exif())
    return {"name": f"IMG_{number}.jpg", "mimeType": "image/jpeg", "buffer": content}


def choose(page: Page, *files: FilePayload) -> None:
    page.locator("#photo-picker").set_input_files(list(files))


def kept(page: Page, service: str, issue: str) -> list[Any]:
    """The photos that staff see of an issue."""
    request = page.context.browser.new_context().request  # type: ignore[union-attr]
    request.post(f"{service}/api/session", data={"login": LOGIN, "password": PASSWORD})
    items = request.get(f"{service}/api/issues/{issue}/attachments").json()["items"]
    assert isinstance(items, list)
    return items


@pytest.mark.parametrize(
    ("size", "lang", "words"),
    [
        ("phone", "zh", "2 张照片已收到。"),
        ("desk", "zh", "2 张照片已收到。"),
        ("phone", "en", "Photos received: 2."),
        ("desk", "en", "Photos received: 2."),
    ],
)
def test_photos_follow_the_report(
    watch: Open, service: str, pictures: Path, size: str, lang: str, words: str
) -> None:
    page = watch(size).open(f"/report?lang={lang}")
    fill(page)
    type_place(page)
    choose(page, photo(0))
    choose(page, photo(1))
    expect(page.locator("#photos li")).to_have_count(2)
    page.locator("#photos").scroll_into_view_if_needed()
    page.screenshot(path=pictures / f"photos-{size}-{lang}.png")
    with page.expect_response("**/api/issues?*") as sent:
        page.locator("#send").click()
    assert answer_code(page).startswith("WT-")
    expect(page.locator("#photo-status")).to_have_text(words)
    expect(page.locator("#photo-retry")).to_be_hidden()
    page.screenshot(path=pictures / f"photos-{size}-{lang}-sent.png")
    items = kept(page, service, sent.value.json()["issue"]["id"])
    assert [item["file_name"] for item in items] == ["IMG_0.jpg", "IMG_1.jpg"]


def test_of_many_photos_five_are_taken_and_one_can_be_removed(watch: Open) -> None:
    page = watch("phone").open("/report")
    choose(page, *(photo(number) for number in range(7)))
    expect(page.locator("#photos li")).to_have_count(5)
    expect(page.locator("#photo-note")).to_contain_text("最多 5 张")
    expect(page.locator("#photo-picker")).to_be_disabled()
    page.get_by_role("button", name="移除照片 3").click()
    expect(page.locator("#photos li")).to_have_count(4)
    expect(page.get_by_role("img", name="IMG_2.jpg")).to_have_count(0)
    expect(page.locator("#photo-picker")).to_be_enabled()


def test_a_photo_that_does_not_arrive_is_sent_again_once(watch: Open, service: str, pictures: Path) -> None:
    watched = watch("phone", expected=("Failed to load resource", "ERR_FAILED"))
    page = watched.open("/report")
    fill(page)
    type_place(page)
    choose(page, photo(0), photo(1))
    page.route(
        "**/attachments", lambda route: (route.fetch(), route.abort())[0]
    )  # arrives; its answer is lost
    with page.expect_response("**/api/issues?*") as sent:
        page.locator("#send").click()
    expect(page.locator("#photo-status")).to_contain_text("2 张照片没有传上")
    page.screenshot(path=pictures / "photos-phone-failed.png")
    page.unroute("**/attachments")
    page.get_by_role("button", name="重新上传").click()
    expect(page.locator("#photo-status")).to_have_text("2 张照片已收到。")
    assert len(kept(page, service, sent.value.json()["issue"]["id"])) == 2


def test_a_file_that_is_no_photo_is_named_and_the_report_stands(watch: Open) -> None:
    watched = watch(expected=("Failed to load resource",))
    page = watched.open("/report")
    fill(page)
    type_place(page)
    choose(page, {"name": "plan.jpg", "mimeType": "image/jpeg", "buffer": b"%PDF-1.7 not a photo"}, photo())
    page.locator("#send").click()
    assert answer_code(page)
    expect(page.locator("#photo-status")).to_have_text(
        "1 张照片已收到。 “plan.jpg”没有被接受：不支持的文件格式。"
    )
    page.locator("#again").click()
    expect(page.locator("#photos li")).to_have_count(0)
    expect(page.locator("#photo-progress")).to_be_hidden()


def test_another_report_waits_until_the_photos_of_the_first_have_arrived(watch: Open, service: str) -> None:
    page = watch("phone").open("/report")
    fill(page)
    type_place(page)
    choose(page, photo(0), photo(1), photo(2))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/attachments", hold, times=1)
    with page.expect_response("**/api/issues?*") as sent:
        page.locator("#send").click()
    again = page.locator("#again")
    expect(again).to_be_disabled()
    page.wait_for_function("document.querySelector('#photo-status').textContent.includes('1/3')")
    again.dispatch_event("click")  # a disabled button hears nothing; nor does the page
    expect(page.locator("#answer")).to_be_visible()
    held[0].continue_()
    expect(page.locator("#photo-status")).to_have_text("3 张照片已收到。")
    expect(again).to_be_enabled()
    again.click()
    fill(page)
    type_place(page)
    choose(page, photo(3))
    with page.expect_response("**/api/issues?*") as second:
        page.locator("#send").click()
    expect(page.locator("#photo-status")).to_have_text("1 张照片已收到。")
    names = [
        [item["file_name"] for item in kept(page, service, each.value.json()["issue"]["id"])]
        for each in (sent, second)
    ]
    assert names == [["IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg"], ["IMG_3.jpg"]]


@pytest.mark.parametrize("status", [408, 429, 503])
def test_photos_that_did_not_arrive_are_given_up_only_on_purpose(watch: Open, status: int) -> None:
    page = watch("phone", expected=("Failed to load resource",)).open("/report")
    fill(page)
    type_place(page)
    choose(page, photo(0))
    page.route("**/attachments", lambda route: route.fulfill(status=status, json={}))
    page.locator("#send").click()
    expect(page.locator("#photo-status")).to_contain_text("1 张照片没有传上")
    expect(page.locator("#photo-retry")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", stay)
    page.locator("#again").click()
    expect(page.locator("#answer")).to_be_visible()
    assert "1 张照片" in asked[0]
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#again").click()
    expect(page.locator("#answer")).to_be_hidden()
    expect(page.locator("#photos li")).to_have_count(0)


def test_photos_follow_the_report_where_the_device_keeps_nothing(watch: Open) -> None:
    watched = watch("phone")
    watched.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError') }})"
    )
    page = watched.open("/report")
    fill(page)
    type_place(page)
    choose(page, photo(0))
    page.locator("#send").click()
    expect(page.locator("#photo-status")).to_have_text("1 张照片已收到。")
