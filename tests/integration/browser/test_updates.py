"""The updates page of a whole box without slots: a backup is saved and restored in the browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes
from tests.integration.browser.driving import IN_CHROMIUM
from tests.running_box import PASSWORD, RunningBox

pytestmark = IN_CHROMIUM

PASSPHRASE = "correct horse battery"  # noqa: S105


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


def test_passphrases_that_differ_make_no_file(page: Page) -> None:
    page.goto("/updates")
    page.locator("#passphrase").fill(PASSPHRASE)
    page.locator("#repeat").fill(PASSPHRASE.upper())
    page.get_by_role("button", name="Save a backup").click()
    expect(page.locator("#notices")).to_contain_text("The two passphrases differ.")
