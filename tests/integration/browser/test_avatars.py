"""Avatars: added, their mouths moved, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import face
from tests.integration.browser.driving import IN_CHROMIUM

pytestmark = IN_CHROMIUM


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


def test_a_portrait_that_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto("/avatars")
    page.evaluate("document.getElementById('enroll').dataset.limit = 1000")
    page.locator("#file").set_input_files(face(tmp_path / "large.png"))
    expect(page.locator("#problem")).to_have_text("large.png is too large.")
    page.locator("#enroll button").click()
    small = tmp_path / "small.png"
    small.write_bytes(b"small")
    page.locator("#file").set_input_files(small)
    expect(page.locator("#problem")).to_be_hidden()
    assert "POST" not in sent
