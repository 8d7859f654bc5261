"""Take a picture of every page of the console: `python -m tools.console_pictures [PAGE ...]`, into build/screenshots.

A box is started on volumes of its own and given something to show: videos, an avatar, a job that failed, one in the
works. Every page is then taken at the size of a desktop and of a phone, light and dark, in every language. The files
are named PAGE-LANGUAGE-SIZE-APPEARANCE.png. Needs chromium, espeak-ng, and fonts for the languages (Debian:
fonts-inter, fonts-noto-cjk).
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from appliance.console.i18n import LANGUAGES
from tests import sounds
from tests.running_box import PASSWORD, RunningBox, chromium, face, running_box

TARGET: Final = Path(__file__).resolve().parent.parent / "build" / "screenshots"
SIZES: Final[dict[str, ViewportSize]] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
APPEARANCES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
TEXT: Final = "Good morning. This box can speak, and it looks quite pleased about that."
PATIENCE_MS: Final = 120_000


def main() -> int:
    wanted = set(sys.argv[1:])
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, running_box(Path(scratch) / "box") as box, chromium() as browser:
        if not wanted or "setup" in wanted:
            take(browser, box, {"setup": "/setup"})
        pages = furnish(browser, box, Path(scratch))
        if wanted:
            pages = {name: path for name, path in pages.items() if name in wanted}
        take(browser, box, pages)
    return 0


def take(browser: Browser, box: RunningBox, pages: dict[str, str]) -> None:
    for language, (size, viewport), look in itertools.product(LANGUAGES, SIZES.items(), APPEARANCES):
        context = browser.new_context(
            viewport=viewport, locale=language, color_scheme=look, device_scale_factor=1, has_touch=size == "phone"
        )
        page = context.new_page()
        if "setup" not in pages:
            log_in(page, box)
        for name, path in pages.items():
            if name == "login":
                context.clear_cookies()
            page.goto(box.url + path)
            picture(page, viewport, TARGET / f"{name}-{language}-{size}-{look}.png")
        context.close()


def picture(page: Page, viewport: ViewportSize, path: Path) -> None:
    """The whole page, as if the window were as high as the page: what is fixed to an edge lies at that edge."""
    page.evaluate("document.fonts.ready")
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    if width > viewport["width"]:
        print(f"{path.name}: {width - viewport['width']} pixels wider than the window")
    page.set_viewport_size({"width": viewport["width"], "height": min(max(height, viewport["height"]), 4000)})
    page.screenshot(path=path)
    page.set_viewport_size(viewport)


def log_in(page: Page, box: RunningBox) -> None:
    page.goto(f"{box.url}/login")
    page.locator("#password").fill(PASSWORD)
    page.locator("main button.large").click()
    page.wait_for_url(f"{box.url}/")


def furnish(browser: Browser, box: RunningBox, scratch: Path) -> dict[str, str]:
    """Set the box up and let it make something; returns every page by name."""
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(box.url)
    page.locator("#password").fill(PASSWORD)
    page.locator("#repeat").fill(PASSWORD)
    page.locator("#name").fill("studio-box")
    page.locator("main button.large").click()
    page.wait_for_url(f"{box.url}/")
    expect(page.locator("#name")).to_have_count(0)

    speech = sounds.speech(scratch / "good-morning.wav", TEXT)
    long = sounds.speech(scratch / "a very long story whose name does not fit on a small telephone.wav", TEXT * 12)
    (scratch / "notes.wav").write_text("this is no sound")
    add_avatar(page, box, face(scratch / "anna.png"), "anna")
    done = make_video(page, box, speech, "demo", "Good morning")
    make_video(page, box, speech, "anna", "")
    failed = make_video(page, box, scratch / "notes.wav", "demo", "")
    page.goto(f"{box.url}/avatars/anna")
    page.locator("button[value=sheet]").click()
    page.locator("[data-over]").wait_for()
    running = make_video(page, box, long, "demo", "", wait=False, resolution="2160")
    chosen = choose_sound(context, box, speech)
    context.close()
    return {
        "kiosk": "/kiosk",
        "overview": "/",
        "new": "/new",
        "new-chosen": chosen,
        "jobs": "/jobs",
        "job-running": running,
        "job-done": done,
        "job-failed": failed,
        "avatars": "/avatars",
        "avatar": "/avatars/anna",
        "logs": "/logs?level=DEBUG",
        "system": "/system",
        "error": "/nothing-here",
        "login": "/login",
    }


def add_avatar(page: Page, box: RunningBox, picture: Path, name: str) -> None:
    page.goto(f"{box.url}/avatars")
    page.locator("#file").set_input_files(picture)
    page.locator("#name").fill(name)
    page.locator("#enroll button").click()
    page.locator("[data-over]").wait_for()


def make_video(
    page: Page, box: RunningBox, sound: Path, avatar: str, title: str, *, wait: bool = True, resolution: str = ""
) -> str:
    """Returns the path of the job's page."""
    page.goto(f"{box.url}/new?avatar={avatar}")
    page.locator("#title").fill(title)
    if resolution:
        page.locator("details:has(.options)").evaluate("more => more.open = true")
        page.locator("#option-min_resolution").fill(resolution)
    page.locator("#file").set_input_files(sound)
    page.locator("#make:enabled").click()
    page.wait_for_url(f"{box.url}/jobs/*")
    if wait:
        page.locator("[data-over]").wait_for()
    return page.url.removeprefix(box.url)


def choose_sound(context: BrowserContext, box: RunningBox, sound: Path) -> str:
    """The page of a new video with a sound chosen."""
    cookie = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "mouthpiece")
    page = context.new_page()
    page.goto(f"{box.url}/new")
    token = page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    answer = context.request.post(
        f"{box.url}/api/v1/uploads?name={sound.name}",
        data=sound.read_bytes(),
        headers={"X-CSRF-Token": token, "Cookie": f"mouthpiece={cookie}", "Content-Type": "application/octet-stream"},
    )
    return f"/new?upload={answer.json()['id']}"


if __name__ == "__main__":
    sys.exit(main())
