"""Configuration fragments: what they ask for and do not get is found, with its line."""

from __future__ import annotations

from pathlib import Path

from tools.virtual_board import kbuild, linux, uboot

CONFIG = 'CONFIG_UBI=y\nCONFIG_MODULE=m\nCONFIG_TEXT="a"\n# CONFIG_OFF is not set\n'


def test_what_is_kept_is_not_lost(tmp_path: Path) -> None:
    part = tmp_path / "part.cfg"
    part.write_text('# Why.\nCONFIG_UBI=y\nCONFIG_TEXT="a"\n# CONFIG_OFF is not set\n# CONFIG_UNKNOWN is not set\n')
    assert kbuild.lost([part], CONFIG) == []


def test_what_is_lost_is_named_with_its_line(tmp_path: Path) -> None:
    part = tmp_path / "part.cfg"
    part.write_text("CONFIG_MODULE=y\n\nCONFIG_GONE=y\n# CONFIG_UBI is not set\n")
    assert kbuild.lost([part], CONFIG) == [
        (f"{part}:1", "CONFIG_MODULE=y"),
        (f"{part}:3", "CONFIG_GONE=y"),
        (f"{part}:4", "# CONFIG_UBI is not set"),
    ]


def test_no_two_fragments_contradict_each_other() -> None:
    for parts in (linux.fragments(), uboot.fragments()):
        asked: dict[str, str] = {}
        for part in parts:
            for line in part.read_text().splitlines():
                if line.startswith(("CONFIG_", "# CONFIG_")):
                    name = line.removeprefix("# ").partition("=")[0].split()[0]
                    assert asked.setdefault(name, line) == line, f"{part}: {line}"
