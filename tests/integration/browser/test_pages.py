"""What every page keeps: languages, appearances, phones, keyboards, screen readers, no scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from appliance.console import i18n
from tests.integration.browser.driving import IN_CHROMIUM, PATIENCE_MS, watched, without_language
from tests.page_checks import faults, faults_of, violations
from tests.running_box import PASSWORD, RunningBox

pytestmark = IN_CHROMIUM

PAGES: Final = (
    "/",
    "/new",
    "/jobs",
    "/avatars",
    "/avatars/demo",
    "/logs",
    "/storage",
    "/updates",
    "/system",
    "/kiosk",
    "/nothing",
)


def test_language_and_appearance_are_chosen_and_kept(page: Page) -> None:
    page.goto("/jobs")
    page.get_by_text("Language and more").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page).to_have_url(re.compile("/jobs$"))
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("任务")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_css("background-color", "rgb(16, 16, 19)")


def test_scripts_translate_what_the_box_says_as_pages_do(
    browser: Browser, site: RunningBox, owner: StorageState
) -> None:
    texts = [text.replace("{}", "x") for text in i18n.said_catalogue("zh-CN")]
    texts += ["the microphone X was unplugged; the 3.2 s before are kept", "what nobody knows (yet)", ""]
    cookies = without_language(owner)
    with browser.new_context(base_url=site.url, storage_state=cookies, locale="zh-CN") as context:
        for page in watched(context):
            page.goto("/new")
            said = page.evaluate(
                "async (texts) => texts.map((await import('/static/js/i18n.js')).said)",
                texts,
            )
            assert said == [i18n.said_in(text, "zh-CN") for text in texts]


@pytest.mark.usefixtures("owner")
def test_everything_works_without_scripts(browser: Browser, site: RunningBox, recording: Path) -> None:
    with browser.new_context(base_url=site.url, locale="en", java_script_enabled=False) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto("/jobs")
        page.get_by_label("Password").fill("wrong password")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("The password is wrong.")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/jobs")

        page.goto("/new?avatar=demo")
        page.locator("#file").set_input_files(recording)
        page.get_by_role("button", name="Make the video").click()
        page.wait_for_url("**/jobs/*")
        expect(page.locator("video")).to_be_visible(timeout=PATIENCE_MS)

        page.goto("/logs?level=WARNING")
        expect(page.locator(".log li").first).to_be_visible()
        page.goto("/system")
        page.get_by_role("button", name="Check now").click()
        expect(page.locator("#notices")).to_contain_text("check")
        page.get_by_text("Language and more").click()
        page.get_by_role("button", name="Log out").click()
        page.goto("/avatars")
        expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_pages_fit_a_phone_and_can_be_heard(
    browser: Browser, site: RunningBox, owner: StorageState, language: str
) -> None:
    cookies = without_language(owner)
    size: Any = {"width": 390, "height": 844}
    with browser.new_context(base_url=site.url, storage_state=cookies, locale=language, viewport=size) as context:
        for page in watched(context):
            found = {path: faults_of(page, path, language) for path in PAGES}
            assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_wrong(
    browser: Browser, site: RunningBox, owner: StorageState, look: Literal["light", "dark"]
) -> None:
    """Contrast, roles, names, landmarks: by the rules of axe-core."""
    axe = Axe()
    with browser.new_context(base_url=site.url, storage_state=owner, locale="en", color_scheme=look) as context:
        for page in watched(context):
            wrong = {fault for path in PAGES for fault in violations(page, path, axe)}
            context.clear_cookies()
            assert wrong | violations(page, "/login", axe) == set()
            page.locator("main p").first.evaluate("text => text.style.color = '#777'")
            assert {violation["id"] for violation in axe.run(page).response["violations"]} == {"color-contrast"}


def test_the_checks_of_a_page_find_what_is_wrong(browser: Browser) -> None:
    with browser.new_context(viewport={"width": 390, "height": 800}) as context:
        page = context.new_page()
        page.set_content(
            """<!doctype html><html><head><title> </title></head><body><h1>a</h1><h3>b</h3><nav></nav><img src="">
            <input><button onclick=""></button><p id=a><p id=a aria-describedby=lost>
            <div style="width: 500px">wide</div>"""
        )
        found = " ".join(faults(page))
    for fault in ("wider", "not one main", "no language", "no title", "after h1", "several elements are #a"):
        assert fault in found
    for fault in ("leads nowhere", "no alt", "nameless", "inline script", "a textbox", "a button"):
        assert fault in found


def test_a_keyboard_reaches_the_content_first(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
