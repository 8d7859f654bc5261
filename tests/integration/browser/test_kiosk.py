"""The kiosk: a visitor, and one who left."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Route, expect

from appliance.control import Control
from appliance.settings import SPEECH_RATE_HZ
from appliance.volumes import Volumes
from tests import sounds
from tests.integration.browser.driving import IN_CHROMIUM, SENTENCE, until, watched
from tests.microphones import PacedMicrophone
from tests.running_box import RunningBox

pytestmark = IN_CHROMIUM


@pytest.mark.usefixtures("owner")
def test_a_visitor_hears_the_kiosk_say_what_they_said(
    browser: Browser, site: RunningBox, microphone: PacedMicrophone, tmp_path: Path
) -> None:
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


@pytest.mark.usefixtures("owner")
def test_a_kiosk_that_was_left_starts_over(browser: Browser, site: RunningBox) -> None:
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="zh-CN") as context:
        for page in watched(context):
            page.clock.install()
            page.route("**/api/v1/recordings", lambda route: route.fulfill(status=503, json={"message": "忙"}))
            page.goto("/kiosk")
            page.get_by_role("button", name="说话").click()
            expect(page.get_by_role("alert")).to_have_text("忙。")
            page.clock.run_for(55_000)
            expect(page.locator("#leaving")).to_contain_text("秒后重新开始")
            page.clock.run_for(10_000)
            expect(page.get_by_role("button", name="说话")).to_be_visible()


@pytest.mark.usefixtures("owner")
def test_a_kiosk_goes_on_without_being_loaded_again_when_its_session_is_gone(
    browser: Browser, site: RunningBox
) -> None:
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="en") as context:
        for page in watched(context):
            page.route("**/api/v1/recordings", use_test_microphone)
            with page.expect_response("**/api/v1/session"):
                page.goto("/kiosk")
            page.evaluate("document.body.dataset.loaded = 'once'")
            context.clear_cookies()
            with page.expect_response(lambda one: one.url.endswith("/recordings") and one.status == HTTPStatus.CREATED):
                page.get_by_role("button", name="Speak").click()
            page.get_by_role("button", name="Start over").click()
            expect(page.get_by_role("button", name="Speak")).to_be_visible()
            expect(page.locator("body[data-loaded=once]")).to_be_visible()
            page.get_by_role("button", name="简体中文").click()  # a form, with the token that it was given meanwhile
            expect(page.get_by_role("button", name="说话")).to_be_visible()


@pytest.mark.usefixtures("owner")
def test_a_kiosk_that_nobody_touches_keeps_its_session(browser: Browser, site: RunningBox) -> None:
    with browser.new_context(base_url=site.url, locale="en") as context:
        for page in watched(context):
            page.clock.install()
            with page.expect_response("**/api/v1/session"):
                page.goto("/kiosk")
            context.clear_cookies()
            with page.expect_response("**/api/v1/session"):
                page.clock.fast_forward("31:00")
            page.get_by_role("button", name="简体中文").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("说点什么")


@pytest.mark.usefixtures("owner")
def test_what_went_wrong_is_said_in_the_visitors_language(browser: Browser, site: RunningBox) -> None:
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="zh-CN") as context:
        for page in watched(context):
            page.route("**/api/v1/recordings", lambda route: route.fulfill(status=201, json={"id": "silent"}))
            page.goto("/kiosk")
            page.get_by_role("button", name="说话").click()
            message = "nothing was said within 8 s"
            value = {"id": "silent", "state": "done", "message": message, "hint": "", "upload": ""}
            Control(Volumes(site.root)).ask("announce", name="recording", value=value)
            expect(page.get_by_role("alert")).to_have_text("8 秒内没有听到说话。")
            page.unroute("**/api/v1/recordings")
            page.route("**/api/v1/recordings", refuse_to_record)
            page.get_by_role("button", name="再试一次").click()
            expect(page.get_by_role("alert")).to_have_text("已有录音正在进行。")
            page.unroute("**/api/v1/recordings")
            page.route("**/api/v1/recordings", lambda route: route.abort())
            page.get_by_role("button", name="再试一次").click()
            expect(page.get_by_role("alert")).to_have_text("与设备的连接已中断。")


@pytest.mark.usefixtures("owner")
def test_a_kiosk_does_not_wait_for_a_job_that_was_removed_while_it_heard_nothing(
    browser: Browser, site: RunningBox
) -> None:
    announce_microphone(site)
    with browser.new_context(base_url=site.url, locale="en") as context:
        for page in watched(context):
            page.route("**/api/v1/recordings", lambda route: route.fulfill(status=201, json={"id": "words"}))
            page.route(
                "**/api/v1/jobs", lambda route: route.fulfill(status=201, json={"id": "gone", "state": "queued"})
            )
            page.goto("/kiosk")
            page.get_by_role("button", name="Speak").click()
            value = {"id": "words", "state": "done", "message": "", "hint": "", "upload": "heard"}
            Control(Volumes(site.root)).ask("announce", name="recording", value=value)
            expect(page.get_by_text("Your words are being put into the mouth.")).to_be_visible()
            page.evaluate("for (const name of ['pagehide', 'pageshow']) dispatchEvent(new Event(name))")
            expect(page.get_by_role("button", name="Speak")).to_be_visible()


def announce_microphone(site: RunningBox) -> None:
    """Tell the console of the test's microphone, which is no device that udev knows."""
    device = {"id": "testmic", "name": "Test microphone", "present": True, "chosen": True}
    Control(Volumes(site.root)).ask("announce", name="microphones", value={"devices": [device]})


def refuse_to_record(route: Route) -> None:
    route.fulfill(status=400, json={"message": "a recording is already under way", "hint": "stop it first"})


def use_test_microphone(route: Route) -> None:
    route.continue_(post_data=json.dumps({"device": "testmic"}))
