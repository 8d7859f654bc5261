"""What people do before the console: set it up, make a video, play it, wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, StorageState, expect

from appliance.control import Control
from appliance.volumes import Volumes
from tests.browsing import CHROMIUM
from tests.running_box import PASSWORD, RunningBox

IN_CHROMIUM: Final = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]
PATIENCE_MS: Final = 60_000
SENTENCE: Final = "The box can speak."

expect.set_options(timeout=PATIENCE_MS)


def watched(context: BrowserContext) -> Iterator[Page]:
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # A request that is refused, or cut off by leaving the page, is logged too; the tests look at what people see.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def set_up(page: Page, site: RunningBox) -> None:
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_label("Name", exact=True).fill("studio")
    page.get_by_role("button", name="Finish set-up").click()
    page.wait_for_url(f"{site.url}/")


def make_video(page: Page, sound: Path, *, resolution: int | None = None) -> None:
    """Up to the page of the job."""
    page.goto("/new")
    page.locator("#file").set_input_files(sound)
    expect(page.locator("#chosen-wave svg")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("label").filter(has=page.locator("input[value=demo]")).click()
    if resolution:
        page.get_by_text("More", exact=True).click()
        page.get_by_label("Resolution at least").fill(str(resolution))
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/jobs/*")


def until(page: Page, condition: str) -> None:
    """Wait for something that only a script can tell. Playwright's own way wants `eval`, which the console forbids."""
    look = f"({condition}) ? done() : setTimeout(look, 50)"
    waiting = f"() => new Promise((done) => {{ const look = () => {look}; look(); }})"
    within = (
        f"() => Promise.race([({waiting})().then(() => true), new Promise((late) => setTimeout(late, {PATIENCE_MS}))])"
    )
    assert page.evaluate(within), condition


def play(page: Page) -> tuple[float, float]:
    """Play the page's video to its end; where it ended, and how long it is."""
    until(page, "document.querySelector('video').readyState >= 2")
    page.evaluate("document.querySelector('video').play()")
    until(page, "document.querySelector('video').currentTime > 0.2")
    until(page, "document.querySelector('video').ended")
    end, length = page.evaluate(
        "(({ currentTime, duration }) => [currentTime, duration])(document.querySelector('video'))"
    )
    return end, length


def say(site: RunningBox, text: str) -> None:
    """Let the box log something."""
    Control(Volumes(site.root)).ask("log", level="INFO", part="test", message=text)


def without_language(owner: StorageState) -> StorageState:
    """The owner's cookies but for the language, which the browser then chooses."""
    return {**owner, "cookies": [one for one in owner["cookies"] if one["name"] != "language"]}
