"""Recovery's pages in a browser: without scripts, on a phone, for a screen reader, light and dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.web import create_app
from tests.browsing import CHROMIUM, chromium
from tests.page_checks import faults_of, violations
from tests.recovery_box import PASSWORD, recovery_box

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed")]

PAGES = ("/", "/volumes", "/install", "/backup", "/password")
OUTSIDE = ("/login", "/password")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecoveryBox:
    made = recovery_box(tmp_path)
    monkeypatch.setattr(made.parts, "attach", lambda: None)
    return made


@pytest.fixture
def url(box: RecoveryBox) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(box), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def log_in(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/login")
    page.locator("#password").fill(PASSWORD)
    page.locator("main button.large").click()
    page.wait_for_url("**/")
    return page


def test_it_works_without_scripts(browser: Browser, url: str, box: RecoveryBox) -> None:
    with (box.volumes.config / "config.nor").open("r+b") as file:
        file.write(b"\0" * 64)
    with browser.new_context(base_url=url, locale="en", java_script_enabled=False) as context:
        page = log_in(context)
        page.get_by_role("link", name="Volumes").first.click()
        card = page.locator("#config")
        expect(card).to_contain_text("One of the two copies is damaged")
        card.get_by_text("Make it anew").first.click()
        card.get_by_label("Type config to confirm").fill("nonsense")
        card.get_by_role("button", name="Make it anew").click()
        expect(page.locator("#notices")).to_contain_text("the name config has to be typed")
        card.get_by_role("button", name="Repair: Configuration").click()
        # The page looks again by itself.
        expect(page.get_by_text("The volume config was repaired.")).to_be_visible(timeout=30_000)
        expect(card).to_contain_text("Both copies are whole.")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_pages_fit_a_phone_and_can_be_heard(browser: Browser, url: str, language: str) -> None:
    with browser.new_context(base_url=url, locale=language, viewport={"width": 390, "height": 844}) as context:
        page = log_in(context)
        found = {path: faults_of(page, path, language) for path in PAGES}
        assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_wrong(browser: Browser, url: str, look: Literal["light", "dark"]) -> None:
    axe = Axe()
    with browser.new_context(base_url=url, locale="en", color_scheme=look) as context:
        page = log_in(context)
        wrong = {fault for path in PAGES for fault in violations(page, path, axe)}
        context.clear_cookies()
        assert wrong | {fault for path in OUTSIDE for fault in violations(page, path, axe)} == set()


def test_a_keyboard_reaches_the_content_first(browser: Browser, url: str) -> None:
    with browser.new_context(base_url=url, locale="en") as context:
        page = log_in(context)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
