"""Whatever process of the box is killed while somebody watches a job, they see their video in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests import sounds
from tests.integration.browser.driving import IN_CHROMIUM, SENTENCE, make_video, play
from tests.running_box import RunningBox

pytestmark = IN_CHROMIUM


def kill_child(name: str) -> Callable[[RunningBox], None]:
    def kill(site: RunningBox) -> None:
        children = psutil.Process(site.process.pid).children()
        next(child for child in children if name in child.cmdline()).kill()

    return kill


def kill_supervisor(site: RunningBox) -> None:
    """And start another one, as systemd does."""
    site.process.kill()
    site.process.wait()
    site.start()


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(kill_child("worker"), id="worker"),
        pytest.param(kill_child("console"), id="console"),
        pytest.param(kill_supervisor, id="supervisor"),
    ],
)
def test_somebody_who_watches_sees_their_video_though_a_process_is_killed(
    page: Page, site: RunningBox, tmp_path: Path, request: pytest.FixtureRequest, kill: Callable[[RunningBox], None]
) -> None:
    words = f"{request.node.callspec.id}. " + " ".join([SENTENCE] * 10)  # not what the cache knows already
    make_video(page, sounds.speech(tmp_path / "long.wav", words), resolution=1080)
    expect(page.locator("#stage")).to_have_text("Drawing the frames")
    kill(site)
    expect(page.locator("video")).to_be_visible()
    end, length = play(page)
    assert end == pytest.approx(length, abs=0.05)
