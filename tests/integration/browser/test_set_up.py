"""First boot in a browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.integration.browser.driving import IN_CHROMIUM, set_up, watched
from tests.page_checks import faults
from tests.running_box import PASSWORD, RunningBox

pytestmark = IN_CHROMIUM


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
