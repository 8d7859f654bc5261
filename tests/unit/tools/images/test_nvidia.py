"""A Jetson's layout, with NVIDIA's in the place of which a made-up one with the same placeholders stands."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from appliance.errors import InputError
from tools.boards.board import Board
from tools.images import nvidia

SIMULATED = """<?xml version="1.0"?>
<!-- its maker's words -->
<partition_layout version="01.00.0000">
    <device type="external" instance="0" sector_size="512" num_sectors="EXT_NUM_SECTORS" >
        <partition name="master_boot_record" type="protective_master_boot_record">
            <size> 512 </size>
        </partition>
        <partition name="primary_gpt" type="primary_gpt">
            <size> 19968 </size>
        </partition>
        <partition name="A_kernel" id="3" type="kernel">
            <size> 134217728 </size>
        </partition>
        <partition name="RECNAME" type="kernel">
            <size> RECSIZE </size>
        </partition>
        <partition name="esp" type="data">
            <size> 67108864 </size>
        </partition>
        <partition name="UDA" type="data">
            <size> 419430400 </size>
        </partition>
        <partition name="APP" id="1" type="data">
            <size> APPSIZE </size>
        </partition>
        <partition name="APP_b" id="2" type="data">
            <size> APPSIZE </size>
        </partition>
        <partition name="secondary_gpt" type="secondary_gpt">
            <size> 0xFFFFFFFFFFFFFFFF </size>
        </partition>
    </device>
</partition_layout>
"""


def partitions(text: str) -> dict[str, ET.Element]:
    return {one.get("name", ""): one for one in ET.fromstring(text).iter("partition")}  # noqa: S314  our own


def said(partition: ET.Element, what: str) -> str:
    return (partition.findtext(what) or "").strip()


def test_what_nvidia_does_not_name_follows_behind_all_that_it_does_with_simulated_layout(jetson: Board) -> None:
    text = nvidia.layout(jetson, SIMULATED)
    found = partitions(text)
    assert list(found)[-4:] == ["APP_b", "config", "data", "secondary_gpt"]
    # Numbers 1 to 6 are NVIDIA's.
    assert [found[name].get("id") for name in ("config", "data")] == ["7", "8"]
    config = next(one for one in jetson.disk.partitions if one.name == "config")
    assert int(said(found["config"], "size")) == config.size
    assert [int(said(found[name], "allocation_attribute"), 16) & 0x800 for name in ("config", "data")] == [0, 0x800]


def test_all_the_rest_stays_as_nvidia_wrote_it_with_simulated_layout(jetson: Board) -> None:
    text = nvidia.layout(jetson, SIMULATED)
    start = text.index('        <partition name="config"')
    end = text.index('        <partition name="secondary_gpt"')
    assert text[:start] + text[end:] == SIMULATED


@pytest.mark.parametrize(
    "wrong", ["no XML", SIMULATED.replace('"external"', '"spi"'), SIMULATED.replace("secondary_gpt", "other")]
)
def test_another_layout_is_refused(wrong: str, jetson: Board) -> None:
    with pytest.raises(InputError, match="NVIDIA's layout"):
        nvidia.layout(jetson, wrong)


def test_the_file_is_changed_in_place_and_a_wrong_board_is_told(
    tmp_path: Path, jetson: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "external-flash.xml"
    file.write_text(SIMULATED)
    assert nvidia.main(["--board", "jetson", str(file)]) != 0
    assert "jetson-orin-nano" in capsys.readouterr().err
    assert file.read_text() == SIMULATED
    assert nvidia.main(["--board", "jetson-orin-nano", str(file)]) == 0
    assert file.read_text() == nvidia.layout(jetson, SIMULATED)
