"""Logs, settings, health and tokens."""

from __future__ import annotations

import psutil
from playwright.sync_api import Browser, Page, expect

from tests.integration.browser.driving import IN_CHROMIUM, say
from tests.running_box import RunningBox

pytestmark = IN_CHROMIUM


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
