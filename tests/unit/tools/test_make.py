"""The Makefile and the set-up scripts, as far as they can be tried without setting up a second environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILT = (
    "setup",
    "run",
    "test",
    "test-board",
    "test-board-full",
    "qemu",
    "lint",
    "bench",
    "bench-flash",
    "train",
    "boards",
    "image",
    "flash",
    "yocto-check",
    "yocto-exec",
    "clean",
)
NOBODY = 65534


def run(*command: str, cwd: Path = ROOT, user: int | None = None, path: str | None = None) -> tuple[int, str]:
    # What an outer `make` leaves in the environment must not steer the inner one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    if path is not None:
        environment["PATH"] = path
    done = subprocess.run(
        command, cwd=cwd, env=environment, user=user, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_help_lists_every_target_of_the_contract() -> None:
    code, said = run("make", "help")
    assert code == 0
    listed = {line.split()[1] for line in said.splitlines() if line.startswith("  make ")}
    assert listed == {*BUILT, "help"}
    assert run("make")[1] == said


def test_the_makefile_works_from_any_directory(tmp_path: Path) -> None:
    code, said = run("make", "-f", str(ROOT / "Makefile"), "help", cwd=tmp_path)
    assert code == 0
    assert "make setup" in said


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    path = tmp_path / "installed.txt"
    path.write_text("# a comment\ndpkg  # every Debian system has it\n\n")
    return path


@pytest.fixture
def missing(tmp_path: Path) -> Path:
    path = tmp_path / "missing.txt"
    path.write_text("mouthpiece-no-such-package  # nor will it ever exist\n")
    return path


def needs_dpkg() -> None:
    if run("dpkg-query", "--version", path=os.environ["PATH"])[0] != 0:
        pytest.skip("this is not a Debian system")


def test_packages_that_are_there_are_left_alone(installed: Path) -> None:
    needs_dpkg()
    assert run(str(ROOT / "tools/packages.sh"), str(installed)) == (0, "")


def test_without_rights_the_missing_packages_are_named_and_the_setup_goes_on(
    installed: Path, missing: Path, tmp_path: Path
) -> None:
    needs_dpkg()
    if os.geteuid() != 0:
        pytest.skip("becoming a user without rights needs root")
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_mode & 0o005 != 0o005:
            directory.chmod(0o755)
    script = ROOT / "tools/packages.sh"
    code, said = run("sh", "-c", script.read_text(), "packages.sh", str(installed), str(missing), user=NOBODY)
    assert code == 0
    assert "please install by hand: apt-get install mouthpiece-no-such-package" in said


def test_without_espeak_the_demo_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to("/bin/sh")
    code, said = run("/bin/sh", str(ROOT / "tools/demo-speech.sh"), str(tmp_path / "x.wav"), path=str(tmp_path / "bin"))
    assert code == 1
    assert "apt-get install espeak-ng" in said
    assert "mouthpiece render --avatar demo --audio RECORDING" in said
    assert not (tmp_path / "x.wav").exists()


def tools_for_extra_packages(folder: Path) -> str:
    """A PATH with what the script needs, and an apt-get and a dpkg of the test's own."""
    for name in ("sh", "sed", "awk", "dirname", "mkdir", "rm", "id", "cat", "touch"):
        (folder / name).symlink_to(shutil.which(name) or pytest.skip(f"{name} is missing"))
    (folder / "apt-get").write_text(
        '#!/bin/sh\nfor last; do :; done\ncase "$*" in *download*) [ "$last" = there ] && touch there.deb;; esac\n'
    )
    (folder / "dpkg").write_text('#!/bin/sh\ntouch "$3/unpacked-$(cat "$2")there"\n')
    for name in ("apt-get", "dpkg"):
        (folder / name).chmod(0o755)
    return str(folder)


def test_extra_packages_are_unpacked_once_and_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    if not any(Path("/etc/apt").glob("sources.list*")) or not Path("/etc/os-release").is_file():
        pytest.skip("this is not a Debian system")
    (tmp_path / "bin").mkdir()
    path = tools_for_extra_packages(tmp_path / "bin")
    (tmp_path / "list.txt").write_text("there\nelsewhere  # cannot be had\n")
    script, folder = str(ROOT / "tools/train/extra_packages.sh"), tmp_path / "extra"
    code, said = run("/bin/sh", script, str(folder), str(tmp_path / "list.txt"), path=path)
    assert code == 0
    assert "going on without elsewhere" in said
    assert [file.name for file in (folder / "root").iterdir()] == ["unpacked-there"]
    assert [file.name for file in (folder / "unpacked").iterdir()] == ["there"]
    (tmp_path / "list.txt").write_text("there\n")
    assert run("/bin/sh", script, str(folder), str(tmp_path / "list.txt"), path=path) == (0, "")


def test_extra_packages_elsewhere_than_on_debian_are_gone_without(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    path = tools_for_extra_packages(tmp_path / "bin")
    (tmp_path / "bin/apt-get").unlink()
    code, said = run("/bin/sh", str(ROOT / "tools/train/extra_packages.sh"), str(tmp_path / "extra"), path=path)
    assert code == 0
    assert "not a Debian system; going on without" in said
    assert "rhvoice" in said


@pytest.mark.parametrize(
    "name",
    ["debian-packages.txt", "debian-packages-test.txt", "train/packages.txt", "train/extra-packages.txt"],
)
def test_package_lists_hold_one_name_a_line(name: str) -> None:
    lines = [line.partition("#")[0].split() for line in (ROOT / "tools" / name).read_text().splitlines()]
    names = [words[0] for words in lines if words]
    assert all(len(words) <= 1 for words in lines)
    assert names
    assert len(names) == len(set(names))
