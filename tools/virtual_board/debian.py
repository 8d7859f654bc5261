"""Packages and sources from Debian, fetched by apt with a state of its own: nothing is installed, and what is
configured on this machine stays as it is. No rights are needed.

The archive is the one that this machine uses, with the suites that it may not have: its own release's backports, and
the sources of `SOURCE_SUITE`. apt checks the archive's signature and every file's checksum.

Raises `UnhealthyError` where there is no apt, no archive or no network.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError
from tools.virtual_board import cache

SOURCE_SUITE: Final = "trixie"
_KEYS: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


def package(name: str, folder: Path, *, backports: bool = False) -> Path:
    """Fetch a binary package's file into `folder`, from the backports when asked; `NAME:arm64` is the board's."""
    return packages([name], folder, backports=backports)[0]


def packages(names: Sequence[str], folder: Path, *, backports: bool = False) -> list[Path]:
    """The same for several: apt takes seconds for each time that it is asked."""
    target = ["--target-release", f"{_release()}-backports"] if backports else []
    _apt(["download", *target, *names], folder)
    return [next(folder.glob(f"{name.partition(':')[0]}_*.deb")) for name in names]


def closure(names: Sequence[str], folder: Path) -> list[Path]:
    """Fetch arm64 packages into `folder` with all that they depend on, as for a machine that has nothing yet."""
    nothing = folder / "status"
    nothing.touch()
    (folder / "partial").mkdir()
    alone = {
        "APT::Architecture": "arm64",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
        "Dir::State::status": str(nothing),
        "Dir::Cache::archives": str(folder),
    }
    _apt(["--download-only", "--assume-yes", *_options(alone), "install", *names], folder)
    return sorted(folder.glob("*.deb"))


def unpack(deb: Path, folder: Path) -> None:
    """Lay a package's files out below `folder`."""
    subprocess.run(["dpkg-deb", "--extract", str(deb), str(folder)], check=True)


def unpack_over(deb: Path, tree: Path) -> None:
    """The same for the tree of a whole system, some of whose folders are links."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as packed:
        command = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", "--directory", str(tree)]
        subprocess.run(command, stdin=packed.stdout, check=True)


def source(name: str, folder: Path) -> tuple[Path, Path]:
    """Fetch a source package into `folder`: upstream's archive, and Debian's changes.

    Only `SOURCE_SUITE` has sources here, so that is where they come from. Each file is fetched by itself, without the
    `.dsc` that some mirrors lack: apt knows the checksums from its signed index.
    """
    for part in ("--tar-only", "--diff-only"):
        _apt(["source", "--download-only", part, name], folder)
    archive = next(path for path in folder.glob(f"{name}_*.orig.tar.*") if path.suffix != ".asc")
    return archive, next(folder.glob(f"{name}_*.debian.tar.*"))


def unpack_source(archive: Path, changes: Path, folder: Path) -> None:
    """Lay upstream's tree out in `folder` and apply Debian's patches to it."""
    unpack_archive(archive, folder)
    (folder / "debian").mkdir()
    unpack_archive(changes, folder / "debian")
    series = (folder / "debian/patches/series").read_text().splitlines()
    for name in (line.split()[0] for line in series if line.strip() and not line.startswith("#")):
        patch(folder / "debian/patches" / name, folder)


def unpack_archive(archive: Path, folder: Path) -> None:
    """Lay out in `folder` what is in the one folder of a tar archive."""
    command = ["tar", "--extract", "--strip-components=1", "--file", str(archive), "--directory", str(folder)]
    subprocess.run(command, check=True)


def patch(file: Path, folder: Path) -> None:
    """Apply one patch to the tree in `folder`."""
    with file.open("rb") as content:
        subprocess.run(["patch", "--strip=1", "--silent", "--forward"], cwd=folder, stdin=content, check=True)


def _release() -> str:
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def _apt(arguments: list[str], folder: Path) -> None:
    """Run apt-get in `folder`, with fresh lists of packages if it fails with those that are there."""
    if not _run(arguments, folder, check=False):
        _run(["update"], folder)
        _run(arguments, folder)


def _run(arguments: list[str], folder: Path, *, check: bool = True) -> bool:
    state = _state()
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": str(state / "sources"),
        "Dir::State::Lists": str(state / "lists"),
        "Dir::Cache": str(state / "cache"),
        "APT::Architectures::": "arm64",
        "APT::Sandbox::User": "root",
    }
    command = ["apt-get", "--quiet", "--quiet", *_options(options), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise UnhealthyError(
            f"apt-get {' '.join(arguments)} failed: {done.stderr.strip()}",
            hint="connect to the network; the archive must carry this release's backports and trixie's sources",
        )
    return done.returncode == 0


def _options(values: Mapping[str, str]) -> list[str]:
    return [f"--option={key}={value}" for key, value in values.items()]


def _state() -> Path:
    """apt's folders, with the archive that this machine uses written down for it."""
    state, release = cache.root() / "apt", _release()
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    try:
        known = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnhealthyError("this is not a Debian system: apt-get does not answer") from error
    archives = dict(line.split(maxsplit=1) for line in known.splitlines())
    if release not in archives:
        raise UnhealthyError(
            f"apt knows no archive of {release or 'this release'}", hint="run `apt-get update`, or use Debian 12 or 13"
        )
    wanted = [
        ("deb", archives[release], f"{release} {release}-backports"),
        ("deb-src", archives[release], SOURCE_SUITE),
    ]
    if f"{release}-security" in archives:
        wanted.append(("deb", archives[f"{release}-security"], f"{release}-security"))
    (state / "sources/archive.sources").write_text(
        "\n".join(
            f"Types: {kind}\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {_KEYS}\n"
            for kind, uri, suites in wanted
        )
    )
    return state
