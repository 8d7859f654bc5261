"""The console as people meet it: a whole box (`mouthpiece run`), driven in Debian's Chromium."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, StorageState, expect

from appliance.control import Control
from appliance.settings import SPEECH_RATE_HZ
from appliance.volumes import Volumes
from tests import sounds
from tests.microphones import PacedMicrophone
from tests.page_checks import faults
from tests.running_box import CHROMIUM, PASSWORD, RunningBox, chromium, face, running_box

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]

PATIENCE_MS: Final = 60_000
PAGES: Final = ("/", "/new", "/jobs", "/avatars", "/avatars/demo", "/logs", "/system", "/kiosk", "/nothing")
SENTENCE: Final = "The box can speak."

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedMicrophone]:
    with PacedMicrophone(tmp_path_factory.mktemp("microphone")) as microphone:
        yield microphone


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, microphone: PacedMicrophone) -> Iterator[RunningBox]:
    with running_box(tmp_path_factory.mktemp("site") / "box", **microphone.environment) as site:
        yield site


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.speech(tmp_path_factory.mktemp("sound") / "speech.wav", SENTENCE)


@pytest.fixture(scope="module")
def browser(recording: Path) -> Iterator[Browser]:
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
        "--autoplay-policy=no-user-gesture-required",
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def owner(browser: Browser, site: RunningBox) -> StorageState:
    """The cookies of somebody who is logged in."""
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(site.url)
        if page.url.endswith("/setup"):
            set_up(page, site)
        else:
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{site.url}/")
        return context.storage_state()


@pytest.fixture
def page(browser: Browser, site: RunningBox, owner: StorageState) -> Iterator[Page]:
    """A page of the owner's, in English; whatever its scripts complain about fails the test."""
    with browser.new_context(base_url=site.url, storage_state=owner, locale="en") as context:
        yield from watched(context)


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


def seconds_of(sound: Path) -> float:
    samples, rate = sounds.read(sound)
    return float(samples.shape[1] / rate)


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


def test_nothing_answers_until_the_box_is_set_up_in_a_browser(browser: Browser, site: RunningBox) -> None:
    with browser.new_context(base_url=site.url, locale="en", timezone_id="Europe/Berlin") as context:
        for page in watched(context):
            for path in ("/", "/jobs", "/system"):
                page.goto(path)
                expect(page).to_have_url(f"{site.url}/setup")
            assert faults(page) == []
            expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("The same again").fill("something else")
            page.get_by_role("button", name="Finish set-up").click()
            expect(page).to_have_url(f"{site.url}/setup")
            set_up(page, site)
            expect(page.get_by_role("heading", level=1)).to_have_text("studio")


def test_a_sound_becomes_a_video_that_plays_to_its_end(page: Page, recording: Path) -> None:
    make_video(page, recording)
    expect(page.locator("video")).to_be_visible(timeout=PATIENCE_MS)
    end, length = play(page)
    assert length == pytest.approx(seconds_of(recording), abs=0.1)
    assert end == pytest.approx(length, abs=0.05)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "speech.mp4"
    page.goto("/")
    expect(page.locator("#latest-videos a").first).to_contain_text("speech")


def test_a_job_is_followed_live_and_can_be_called_off(page: Page, tmp_path: Path) -> None:
    make_video(page, sounds.speech(tmp_path / "long.wav", " ".join([SENTENCE] * 30)), resolution=2160)
    expect(page.locator("#stage")).to_have_text("Drawing the frames")
    expect(page.locator("#eta")).to_contain_text("left")
    until(page, "document.getElementById('progress').value > 0")
    expect(page.locator("#preview")).to_be_visible()
    until(page, "document.getElementById('preview').naturalWidth > 0")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This job was cancelled.")).to_be_visible()
    expect(page.locator(".title .state")).to_have_text("cancelled")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#stage")).to_have_text("Drawing the frames")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This job was cancelled.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted.")).to_be_visible()
    expect(page).to_have_url(re.compile("/jobs$"))


def test_what_cannot_be_used_is_refused_with_its_reason(page: Page, tmp_path: Path) -> None:
    notes = tmp_path / "notes.wav"
    notes.write_text("no sound")
    page.goto("/new")
    page.get_by_role("button", name="Make the video").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a recording first")
    page.locator("#file").set_input_files(notes)
    expect(page.get_by_role("alert")).to_contain_text("notes.wav is neither a picture, a video nor a recording")


def test_a_file_may_be_dropped(page: Page, recording: Path) -> None:
    page.goto("/new")
    page.evaluate(
        """async (data) => {
          const files = new DataTransfer();
          files.items.add(new File([Uint8Array.fromBase64(data)], "dropped.wav", { type: "audio/wav" }));
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
        }""",
        base64.b64encode(recording.read_bytes()).decode(),
    )
    expect(page.locator("#chosen-name")).to_have_text("dropped.wav")
    expect(page.locator("#chosen-wave svg")).to_be_visible()


def test_the_browser_records(page: Page) -> None:
    page.goto("/new")
    page.get_by_role("button", name="Record in this browser").click()
    expect(page.locator("#recorded")).to_have_text("0:01")
    page.get_by_role("button", name="That was all").click()
    expect(page.locator("#chosen-name")).to_have_text("recording.webm")
    expect(page.locator("#chosen-wave svg rect").first).to_be_attached()
    heights = page.locator("#chosen-wave rect").evaluate_all(
        "bars => bars.map((bar) => Number(bar.getAttribute('height')))"
    )
    assert max(heights) > 3 * min(heights)


def test_a_page_without_encryption_says_why_it_has_no_microphone_with_simulated_insecure_context(page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto("/new")
    expect(page.get_by_text("Open the box with https")).to_be_visible()
    expect(page.get_by_role("button", name="Record in this browser")).to_be_hidden()


def test_a_list_shows_a_job_that_comes_from_elsewhere_and_keeps_the_focus(page: Page, recording: Path) -> None:
    make_video(page, recording)
    old = page.url.rpartition("/")[2]
    page.goto("/jobs")
    page.locator(f"#job-{old} a").focus()
    with page.context.expect_page() as opened:
        page.evaluate("window.open('/new')")
    make_video(opened.value, recording)
    job = opened.value.url.rpartition("/")[2]
    expect(page.locator(f"#job-{job} .state")).to_have_text("done")
    expect(page.locator(f"#job-{old} a")).to_be_focused()
    opened.value.close()


def test_an_avatar_is_added_and_its_mouth_moved_by_hand_and_by_keys(page: Page, tmp_path: Path) -> None:
    page.goto("/avatars")
    page.locator("#file").set_input_files(face(tmp_path / "Anna Maria.png"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("anna-maria")
    page.locator("#enroll button").click()
    page.get_by_role("link", name="To the avatar").click()
    page.wait_for_url("**/avatars/anna-maria")

    corner = page.get_by_role("button", name="Outer edge, left corner")
    x, y = page.locator("input[name='outer_corner_right.x']"), page.locator("input[name='outer_corner_right.y']")
    before = (float(x.input_value()), float(y.input_value()))
    corner.scroll_into_view_if_needed()
    place = corner.locator(".dot").bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2 - 12, place["y"] + place["height"] / 2, steps=4)
    page.mouse.up()
    dragged = float(x.input_value())
    assert dragged < before[0]
    assert float(y.input_value()) == pytest.approx(before[1], abs=0.1)
    page.get_by_role("button", name="Undo changes").click()
    assert float(x.input_value()) == before[0]

    corner.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert float(x.input_value()) == pytest.approx(before[0] - 10, abs=0.01)
    assert float(y.input_value()) == pytest.approx(before[1] + 1, abs=0.01)
    page.get_by_role("button", name="Keep these points").click()
    page.get_by_role("link", name="To the avatar").click()
    page.wait_for_url("**/avatars/anna-maria")
    assert float(x.input_value()) == pytest.approx(before[0] - 10, abs=0.2)

    page.get_by_role("button", name="Back to what was found").click()
    page.get_by_role("link", name="To the avatar").click()
    page.wait_for_url("**/avatars/anna-maria")
    assert float(x.input_value()) == pytest.approx(before[0], abs=0.2)

    page.get_by_role("button", name="Draw the sheet").click()
    page.get_by_role("link", name="To the avatar").click()
    expect(page.locator(".sheet-picture")).to_be_visible()

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The avatar anna-maria is deleted.")).to_be_visible()


def test_logs_run_in_live_and_survive_the_console_without_loss_or_repeats(page: Page, site: RunningBox) -> None:
    page.goto("/logs")
    expect(page.locator("#live-state")).to_have_text("live")
    say(site, "before")
    expect(page.locator(".log").get_by_text("before")).to_be_visible()

    console = next(child for child in psutil.Process(site.process.pid).children() if "console" in child.cmdline())
    console.kill()
    expect(page.locator("#live-state")).to_have_text("connecting …")
    for number in range(20):
        say(site, f"meanwhile {number}")
    expect(page.locator("#live-state")).to_have_text("live")
    say(site, "after")
    expect(page.locator(".log").get_by_text("after", exact=True)).to_be_visible()

    shown = page.locator(".log li").evaluate_all(
        "rows => rows.map((row) => [Number(row.dataset.id), row.lastChild.textContent])"
    )
    ids = [identifier for identifier, _ in shown]
    assert ids == sorted(set(ids), reverse=True)
    texts = [text for _, text in reversed(shown)]
    wanted = ["before", *(f"meanwhile {number}" for number in range(20)), "after"]
    assert [text for text in texts if text in wanted] == wanted


def say(site: RunningBox, text: str) -> None:
    """Let the box log something."""
    Control(Volumes(site.root)).ask("log", level="INFO", part="test", message=text)


def test_logs_are_filtered_and_paused(page: Page, site: RunningBox) -> None:
    page.goto("/logs")
    page.get_by_label("Level at least").select_option("WARNING")
    page.wait_for_url("**/logs?level=WARNING&part=")
    expect(page.locator("#live-state")).to_have_text("live")
    assert page.locator(".log li[data-level=INFO]").count() == 0
    page.goto("/logs?part=test")
    expect(page.locator("#live-state")).to_have_text("live")
    page.get_by_role("button", name="Pause").click()
    say(site, "while you were away")
    expect(page.locator("#live-state")).to_have_text("paused (1 new)")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".log li").first).to_contain_text("while you were away")


def test_settings_are_checked_kept_and_said_what_is_wrong_with(page: Page) -> None:
    page.goto("/system")
    days = page.locator("#setting-keep_outputs_days")
    days.fill("a while")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(days).to_have_value("a while")
    days.fill("30")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#notices")).to_contain_text("Saved.")
    expect(days).to_have_value("30")


def test_health_is_checked_and_tokens_come_and_go(page: Page, site: RunningBox, browser: Browser) -> None:
    page.goto("/system")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#notices")).to_contain_text("check")
    page.get_by_label("What it is for").fill("nightly script")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#token").inner_text()
    with browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"}) as script:
        assert script.request.get(f"{site.url}/api/v1/status").json()["running"]
    page.goto("/system")
    expect(page.locator("#token")).to_have_count(0)
    page.get_by_role("button", name="Take away: nightly script").click()
    page.get_by_role("dialog").get_by_role("button", name="Take away").click()
    expect(page.get_by_text("The token is taken away.")).to_be_visible()


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


def test_a_video_is_made_in_chinese(browser: Browser, site: RunningBox, owner: StorageState, recording: Path) -> None:
    cookies: StorageState = {**owner, "cookies": [one for one in owner["cookies"] if one["name"] != "language"]}
    with browser.new_context(base_url=site.url, storage_state=cookies, locale="zh-CN") as context:
        for page in watched(context):
            page.goto("/new")
            page.locator("#file").set_input_files(recording)
            expect(page.locator("#chosen-wave svg")).to_have_attribute("aria-label", "speech.wav 的波形")
            page.get_by_role("button", name="开始制作").click()
            page.wait_for_url("**/jobs/*")
            expect(page.locator("video")).to_be_visible(timeout=PATIENCE_MS)
            expect(page.locator(".title .state")).to_have_text("完成")
            play(page)


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
    cookies: StorageState = {**owner, "cookies": [one for one in owner["cookies"] if one["name"] != "language"]}
    size: Any = {"width": 390, "height": 844}
    with browser.new_context(base_url=site.url, storage_state=cookies, locale=language, viewport=size) as context:
        for page in watched(context):
            wrong = {}
            for path in PAGES:
                page.goto(path)
                expect(page.locator("html")).to_have_attribute("lang", language)
                for details in page.locator("main details").all():
                    details.evaluate("part => part.open = true")
                if found := faults(page):
                    wrong[path] = found
            assert wrong == {}


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


def test_a_visitor_hears_the_kiosk_say_what_they_said(
    browser: Browser, site: RunningBox, microphone: PacedMicrophone, owner: StorageState, tmp_path: Path
) -> None:
    assert owner  # the box is set up
    samples, rate = sounds.read(sounds.speech(tmp_path / "said.wav", SENTENCE))
    voice = samples.mean(0)
    heard = np.interp(np.arange(0, len(voice), rate / SPEECH_RATE_HZ), np.arange(len(voice)), voice).astype(np.float32)
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="en") as context:  # nobody is logged in
        for page in watched(context):
            page.route("**/api/v1/recordings", use_test_microphone)
            page.goto("/kiosk")
            page.get_by_role("button", name="Speak").click()
            expect(page.get_by_role("heading", name="I am listening")).to_be_visible()
            microphone.say(heard)
            expect(page.get_by_text("I can hear you.")).to_be_visible()
            page.get_by_role("button", name="That was all").click()
            expect(page.locator("video")).to_be_visible()
            until(page, "document.querySelector('video').currentTime > 0.2")
            page.get_by_role("button", name="Say something else").click()
            expect(page.get_by_role("heading", name="I am listening")).to_be_visible()
            page.get_by_role("button", name="Start over").click()
            expect(page.get_by_role("button", name="Speak")).to_be_visible()
            page.goto("/jobs")
            expect(page).to_have_url(re.compile("/login"))


def test_a_kiosk_that_was_left_starts_over(browser: Browser, site: RunningBox, owner: StorageState) -> None:
    assert owner  # the box is set up
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="zh-CN") as context:
        for page in watched(context):
            page.clock.install()
            page.route("**/api/v1/recordings", lambda route: route.fulfill(status=503, json={"message": "忙"}))
            page.goto("/kiosk")
            page.get_by_role("button", name="说话").click()
            expect(page.get_by_role("alert")).to_have_text("忙")
            page.clock.run_for(55_000)
            expect(page.locator("#leaving")).to_contain_text("秒后重新开始")
            page.clock.run_for(10_000)
            expect(page.get_by_role("button", name="说话")).to_be_visible()


def announce_microphone(site: RunningBox) -> None:
    """Tell the console of the test's microphone, which is no device that udev knows."""
    device = {"id": "testmic", "name": "Test microphone", "present": True, "chosen": True}
    Control(Volumes(site.root)).ask("announce", name="microphones", value={"devices": [device]})


def use_test_microphone(route: Route) -> None:
    route.continue_(post_data=json.dumps({"device": "testmic"}))
