"""The NOR image: everything in its place, and an environment that libubootenv takes."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.storage import nor_model
from tools.boards.board import ENVIRONMENT, Board
from tools.images import nor


def test_the_rest_is_erased_and_the_contents_are_in_their_places(rock: Board) -> None:
    assert rock.nor is not None
    image = nor.image(rock, {"u-boot": b"boot", "recovery": b"rescue"})
    assert len(image) == rock.nor.size
    written = {"u-boot": b"boot", "recovery": b"rescue", "model": nor_model.image(nor.MODEL.read_bytes())}
    for partition in rock.nor.partitions:
        content = image[partition.offset : partition.end]
        if partition.name in ENVIRONMENT:
            assert b"BOOT_ORDER=A B\0" in content
        else:
            expected = written.get(partition.name, b"")
            assert content == expected + b"\xff" * (partition.size - len(expected))


def test_what_does_not_fit_is_refused(rock: Board) -> None:
    with pytest.raises(InputError, match="do not fit the NOR partition config"):
        nor.image(rock, {"config": bytes(256 * 1024 + 1)})


def test_recovery_that_does_not_fit_is_left_to_the_disk(rock: Board) -> None:
    assert rock.nor is not None
    partition = rock.nor.named("recovery")
    assert partition is not None
    too_large = bytes(partition.size + 1)
    image = nor.image(rock, {"recovery": too_large})
    assert image[partition.offset : partition.end] == b"\xff" * partition.size
    kept = tuple(one for one in rock.disk.partitions if one.name != "recovery")
    nowhere = dataclasses.replace(rock, disk=dataclasses.replace(rock.disk, partitions=kept))
    with pytest.raises(InputError, match="do not fit the NOR partition recovery"):
        nor.image(nowhere, {"recovery": too_large})


def test_an_unknown_partition_is_told_which_there_are(rock: Board) -> None:
    with pytest.raises(InputError, match="no NOR partition 'uboot'") as caught:
        nor.image(rock, {"uboot": b""})
    assert "u-boot" in caught.value.hint


def test_a_board_whose_nor_is_not_ours_is_left_alone(jetson: Board) -> None:
    with pytest.raises(InputError, match="not ours to write"):
        nor.image(jetson, {})


def test_libubootenv_reads_both_copies_and_takes_the_newer(rock: Board, tmp_path: Path) -> None:
    if not (tool := shutil.which("fw_printenv")):
        pytest.skip("libubootenv-tool is not installed")
    assert rock.nor is not None
    image = tmp_path / "nor.img"
    image.write_bytes(nor.image(rock, {}))
    offsets = [one.offset for one in rock.nor.partitions if one.name in ENVIRONMENT]
    places = tmp_path / "fw_env.config"
    places.write_text("".join(f"{image} {offset:#x} 0x10000 0x10000\n" for offset in offsets))
    command = [tool, "--config", str(places), "--defenv", "/dev/null"]

    def printed() -> set[str]:
        return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")) - {""}

    whole = {"BOOT_ORDER=A B", "BOOT_A_LEFT=3", "BOOT_B_LEFT=3"}
    assert printed() == whole
    with image.open("r+b") as file:
        file.seek(offsets[0])
        file.write(b"\0" * 4096)
    assert printed() == whole


def test_the_first_copy_is_the_newer_one(rock: Board) -> None:
    assert rock.nor is not None
    image = nor.image(rock, {})
    counters = [image[one.offset + 4] for one in rock.nor.partitions if one.name in ENVIRONMENT]
    assert counters == [1, 0]
