"""The updates page of a whole box without slots: a backup is saved and restored in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes
from tests.integration.browser.driving import IN_CHROMIUM
from tests.running_box import PASSWORD, RunningBox

pytestmark = IN_CHROMIUM

PASSPHRASE = "correct horse battery"  # noqa: S105
WRONG = "form [role=alert]:visible"


def save(page: Page, folder: Path) -> Path:
    page.goto("/updates")
    page.locator("#passphrase").fill(PASSPHRASE)
    page.locator("#repeat").fill(PASSPHRASE)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save a backup").click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def restore(page: Page, file: Path, passphrase: str) -> None:
    page.locator("#backup-file").set_input_files(file)
    page.locator("#backup-passphrase").fill(passphrase)
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()


def test_what_a_backup_holds_comes_back(page: Page, site: RunningBox, tmp_path: Path) -> None:
    volumes = Volumes(site.root)
    (volumes.outputs / f"{'a' * 20}.mp4").write_bytes(bytes(3_000_000))
    file = save(page, tmp_path)
    assert file.name.startswith("studio-")
    assert file.name.endswith(".backup")
    assert file.stat().st_size > 3_000_000
    (volumes.outputs / f"{'a' * 20}.mp4").unlink()
    ConfigStore(volumes).update(lambda config: config.update(name="renamed"))

    restore(page, file, "another passphrase")
    expect(page.locator("#errand")).to_contain_text("The passphrase is wrong.")
    assert ConfigStore(volumes).read()["name"] == "renamed"

    restore(page, file, PASSPHRASE)
    expect(page.locator("#errand")).to_contain_text("files of studio are restored")
    assert (volumes.outputs / f"{'a' * 20}.mp4").stat().st_size == 3_000_000
    assert ConfigStore(volumes).read()["name"] == "studio"
    assert PASSPHRASE not in "".join(path.read_text(errors="replace") for path in volumes.logs.iterdir())

    page.reload()
    if "/login" in page.url:  # the session was begun before the backup, with the same secret
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Updates")


def broken_off(route: Route) -> None:
    route.abort()


def refused_by_the_server(route: Route) -> None:
    route.fulfill(status=413, json={"message": "the request is larger than 1 MB", "hint": ""})


@pytest.mark.parametrize("end", [broken_off, refused_by_the_server])
def test_a_file_that_does_not_arrive_is_said_where_it_was_chosen(
    page: Page, tmp_path: Path, end: Callable[[Route], None]
) -> None:
    file = tmp_path / "x.backup"
    file.write_bytes(b"x")
    page.goto("/updates")
    page.route("**/updates", end)
    restore(page, file, PASSPHRASE)
    expect(page.locator(WRONG)).to_have_text("The connection broke off. The file may be too large.")
    expect(page.locator("#backup-passphrase")).to_have_value(PASSPHRASE)  # nobody has to begin anew
    expect(page.locator("progress")).to_have_count(0)
    page.unroute("**/updates")
    restore(page, file, PASSPHRASE)
    expect(page.locator("#errand")).to_contain_text("This is no backup of this kind of box.")


def test_why_a_file_was_refused_is_said(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "x.backup"
    file.write_bytes(b"x")
    page.goto("/updates")
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach((field) => (field.value = 'another'))")
    restore(page, file, PASSPHRASE)
    expect(page.locator(WRONG)).to_have_text(
        "This request does not come from a page of this box, or the page is too old."
    )


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.backup"
    file.write_bytes(bytes(1_100_000))
    page.goto("/updates")
    set_largest_upload(page, 1)
    page.reload()
    expect(page.locator("form", has=page.locator("#backup-file"))).to_contain_text("Up to 1 MB.")
    page.locator("#backup-file").set_input_files(file)
    expect(page.locator(WRONG)).to_have_text("large.backup is too large.")
    page.locator("#backup-passphrase").fill(PASSPHRASE)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    set_largest_upload(page, None)


def set_largest_upload(page: Page, megabytes: int | None) -> None:
    token = page.locator("meta[name=csrf-token]").get_attribute("content")
    answer = page.request.patch(
        "/api/v1/settings", data={"upload_max_mb": megabytes}, headers={"X-CSRF-Token": str(token)}
    )
    assert answer.ok, answer.text()


def test_passphrases_that_differ_make_no_file(page: Page) -> None:
    page.goto("/updates")
    page.locator("#passphrase").fill(PASSPHRASE)
    page.locator("#repeat").fill(PASSPHRASE.upper())
    page.get_by_role("button", name="Save a backup").click()
    expect(page.locator("#notices")).to_contain_text("The two passphrases differ.")
