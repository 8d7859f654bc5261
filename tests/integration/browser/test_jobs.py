"""Videos: made, followed, called off, refused, recorded in the browser."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests import sounds
from tests.integration.browser.driving import (
    IN_CHROMIUM,
    PATIENCE_MS,
    SENTENCE,
    make_video,
    play,
    until,
    watched,
    without_language,
)
from tests.running_box import RunningBox

pytestmark = IN_CHROMIUM


def test_a_sound_becomes_a_video_that_plays_to_its_end(page: Page, recording: Path) -> None:
    samples, rate = sounds.read(recording)
    make_video(page, recording)
    expect(page.locator("video")).to_be_visible(timeout=PATIENCE_MS)
    end, length = play(page)
    assert length == pytest.approx(samples.shape[1] / rate, abs=0.1)
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


def test_a_page_from_before_a_new_session_takes_files(page: Page, recording: Path) -> None:
    """As when one has logged in again in another tab."""
    page.goto("/new")
    page.evaluate("document.querySelector('meta[name=csrf-token]').content = 'old'")
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach((field) => (field.value = 'old'))")
    page.locator("#file").set_input_files(recording)
    expect(page.locator("#chosen-wave svg")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/jobs/*")


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


def test_a_video_is_made_in_chinese(browser: Browser, site: RunningBox, owner: StorageState, recording: Path) -> None:
    cookies = without_language(owner)
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
