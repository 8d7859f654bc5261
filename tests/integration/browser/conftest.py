"""A whole box for each file, and a browser before it that hears a microphone of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState

from appliance.jobs import avatars
from appliance.volumes import Volumes
from tests import sounds
from tests.browsing import chromium
from tests.integration.browser.driving import PATIENCE_MS, SENTENCE, set_up, watched
from tests.microphones import PacedMicrophone
from tests.running_box import RunningBox, running_box, wait_for


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedMicrophone]:
    with PacedMicrophone(tmp_path_factory.mktemp("microphone")) as microphone:
        yield microphone


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, microphone: PacedMicrophone) -> Iterator[RunningBox]:
    """It knows its avatar already."""
    with running_box(tmp_path_factory.mktemp("site") / "box", **microphone.environment) as site:
        wait_for(lambda: avatars.entries(Volumes(site.root)), site.process)
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
    """The cookies of the one who has set the box up, and is logged in."""
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(site.url)
        set_up(page, site)
        return context.storage_state()


@pytest.fixture
def page(browser: Browser, site: RunningBox, owner: StorageState) -> Iterator[Page]:
    """A page of the owner's, in English; whatever its scripts complain about fails the test."""
    with browser.new_context(base_url=site.url, storage_state=owner, locale="en") as context:
        yield from watched(context)
