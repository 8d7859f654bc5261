"""Take a picture of every page of the console: `python -m tools.console_pictures [PAGE ...]`, into build/screenshots.

A box is started on volumes of its own and given something to show: videos, an avatar, a job that failed, one in the
works. Every page is then taken at the size of a desktop and of a phone, light and dark, in every language. The files
are named PAGE-LANGUAGE-SIZE-APPEARANCE.png. Needs chromium, espeak-ng, and fonts for the languages (Debian:
fonts-inter, fonts-noto-cjk).
"""

from __future__ import annotations

import itertools
import math
import random
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize

from appliance.console.i18n import LANGUAGES
from appliance.control import Control
from appliance.jobs import uploads
from appliance.jobs.store import JobStore
from appliance.storage import wear_report
from appliance.storage.wear_history import DAY_S, Sample
from appliance.volumes import Volumes
from tests import nand_trees, sounds
from tests.browsing import chromium, face
from tests.running_box import PASSWORD, RunningBox, running_box

TARGET: Final = Path(__file__).resolve().parent.parent / "build" / "screenshots"
SIZES: Final[dict[str, ViewportSize]] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
APPEARANCES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
OPENED: Final = ("overview", "new", "system")
"""Pages that are taken a second time with everything open that opens."""
LISTENING: Final = "picture"
"""The recording that the kiosk's page shows."""
TEXT: Final = "Good morning. This box can speak, and it looks quite pleased about that."
PATIENCE_MS: Final = 120_000
_VIDEOS_LOADED: Final = """Promise.all([...document.querySelectorAll("video[src]")].map((video) =>
  video.readyState >= 2 || new Promise((loaded) => video.addEventListener("loadeddata", loaded))))"""


def main() -> int:
    wanted = set(sys.argv[1:])
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, running_box(Path(scratch) / "box") as box, chromium() as browser:
        if not wanted or "setup" in wanted:
            take(browser, box, {"setup": "/setup"})
        pages = furnish(browser, box, Path(scratch))
        take(browser, box, {name: path for name, path in pages.items() if not wanted or name in wanted})
    return 0


def take(browser: Browser, box: RunningBox, pages: dict[str, str]) -> None:
    """Take pages by their names."""
    for language, (size, viewport), look in itertools.product(LANGUAGES, SIZES.items(), APPEARANCES):
        context = browser.new_context(viewport=viewport, locale=language, color_scheme=look, has_touch=size == "phone")
        page = context.new_page()
        if "setup" not in pages:
            log_in(page, box)
        for name, path in pages.items():
            if name == "login":
                context.clear_cookies()
            if name == "kiosk-listening":
                hear(box, 0)
            page.goto(box.url + path)
            if name == "storage":
                wear(box)
                page.reload()
            if name == "kiosk-listening":
                speak(page, box)
            picture(page, viewport, TARGET / f"{name}-{language}-{size}-{look}.png")
            if name in OPENED:
                page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
                picture(page, viewport, TARGET / f"{name}-opened-{language}-{size}-{look}.png")
        context.close()


def picture(page: Page, viewport: ViewportSize, path: Path) -> None:
    """The whole page, as if the window were as high as the page: what is fixed to an edge lies at that edge."""
    page.evaluate("document.fonts.ready")
    page.evaluate(_VIDEOS_LOADED)
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    if width > viewport["width"]:
        print(f"{path.name}: {width - viewport['width']} pixels wider than the window")
    page.set_viewport_size({"width": viewport["width"], "height": min(max(height, viewport["height"]), 6000)})
    page.screenshot(path=path)
    page.set_viewport_size(viewport)


def speak(page: Page, box: RunningBox) -> None:
    """Let the kiosk's meter move, though there is no microphone."""
    page.locator("body.scripted").wait_for()
    for step in range(30):
        hear(box, step)
        page.wait_for_timeout(60)  # values that come at once are told as one


def hear(box: RunningBox, step: int) -> None:
    level = -40 + 18 * math.sin(step * 0.9) + 14 * math.sin(step * 0.37)
    value = {"id": LISTENING, "state": "speech", "seconds": step / 10, "level_db": level}
    Control(Volumes(box.root)).ask("announce", name="recording", value=value)


def wear(box: RunningBox) -> None:
    """Let the storage page show a NAND and an eMMC, though there is neither."""
    volumes = Volumes(box.root)
    dice = random.Random(4)  # noqa: S311
    with tempfile.TemporaryDirectory() as kernel:
        counters = [None if dice.random() < 0.012 else round(dice.gauss(5200, 60)) for _ in range(1024)]
        nand_trees.ubi(Path(kernel), counters)
        nand_trees.emmc(Path(kernel), "0x03 0x01")
        seen = wear_report.look(volumes, Path(kernel))
    now = wear_report.counters(seen, {"worker": 9.3e9, "supervisor": 4.1e7, "console": 2.2e6})
    past = [
        Sample(seen.time - day * DAY_S, {"ubi0.erases": now["ubi0.erases"] - day * 5200}) for day in range(60, 7, -1)
    ]
    week = Sample(seen.time - 7 * DAY_S, {"by:worker": 0, "by:supervisor": 0, "by:console": 0})
    report = wear_report.report(seen, [*past, week, Sample(seen.time, now)])
    Control(volumes).ask("announce", name="storage", value=report)


def log_in(page: Page, box: RunningBox) -> None:
    page.goto(f"{box.url}/login")
    page.locator("#password").fill(PASSWORD)
    page.locator("main button.large").click()
    page.wait_for_url(f"{box.url}/")


def furnish(browser: Browser, box: RunningBox, scratch: Path) -> dict[str, str]:
    """Set the box up and let it make something; returns every page by name."""
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(box.url)
        page.locator("#password").fill(PASSWORD)
        page.locator("#repeat").fill(PASSWORD)
        page.locator("#name").fill("studio-box")
        page.locator("main button.large").click()
        page.wait_for_url(f"{box.url}/")

        speech = sounds.speech(scratch / "good-morning.wav", TEXT)
        long = sounds.speech(scratch / "a very long story whose name does not fit on a small telephone.wav", TEXT * 12)
        (scratch / "notes.wav").write_text("this is no sound")
        add_avatar(page, box, face(scratch / "anna.png"), "anna")
        done = make_video(page, box, speech, "demo", "Good morning")
        make_video(page, box, speech, "anna", "")
        failed = f"/jobs/{submit(box, scratch / 'notes.wav')}"  # the page for new videos would refuse it
        page.goto(box.url + failed)
        page.locator("[data-over]").wait_for()
        page.goto(f"{box.url}/avatars/anna")
        page.locator("button[value=sheet]").click()
        page.locator("[data-over]").wait_for()
        shown = submit(box, speech)
        page.goto(f"{box.url}/jobs/{shown}")
        page.locator("[data-over]").wait_for()
        running = make_video(page, box, long, "demo", "", wait=False, resolution=2160)
    waiting = submit(box, long, resolution=2160)
    return {
        "kiosk": "/kiosk",
        "kiosk-listening": f"/kiosk?recording={LISTENING}",
        "kiosk-making": f"/kiosk?job={waiting}",
        "kiosk-showing": f"/kiosk?job={shown}",
        "overview": "/",
        "new": "/new",
        "new-chosen": f"/new?upload={upload(box, speech)}",
        "jobs": "/jobs",
        "job-running": running,
        "job-done": done,
        "job-failed": failed,
        "avatars": "/avatars",
        "avatar": "/avatars/anna",
        "logs": "/logs?level=DEBUG",
        "storage": "/storage",
        "updates": "/updates",
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
    page: Page, box: RunningBox, sound: Path, avatar: str, title: str, *, wait: bool = True, resolution: int = 0
) -> str:
    """Returns the path of the job's page."""
    page.goto(f"{box.url}/new?avatar={avatar}")
    page.locator("#title").fill(title)
    if resolution:
        page.locator("details:has(.options)").evaluate("more => more.open = true")
        page.locator("#option-min_resolution").fill(str(resolution))
    page.locator("#file").set_input_files(sound)
    page.locator("#make:enabled").click()
    page.wait_for_url(f"{box.url}/jobs/*")
    if wait:
        page.locator("[data-over]").wait_for()
    return page.url.removeprefix(box.url)


def upload(box: RunningBox, sound: Path) -> str:
    with sound.open("rb") as file:
        return uploads.receive(Volumes(box.root), file, sound.name, 1 << 30).id


def submit(box: RunningBox, sound: Path, *, resolution: int = 128) -> str:
    """Id of a job that the kiosk takes for its own."""
    kept = upload(box, sound)
    spec = {"avatar": "demo", "audio": {"upload": kept}, "options": {"min_resolution": resolution}}
    return JobStore(Volumes(box.root).jobs).submit("render", spec, title=sound.stem, key=f"kiosk-{kept}").id


if __name__ == "__main__":
    sys.exit(main())
