"""Every command but `render`, as it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.pipeline.track import CURVES, VISEMES, MotionTrack
from tests.integration.box import Box, assert_refused

COMMANDS = [
    [],
    ["render"],
    ["motion"],
    ["avatar"],
    ["avatar", "add"],
    ["avatar", "list"],
    ["avatar", "show"],
    ["avatar", "remove"],
    ["avatar", "sheet"],
    ["doctor"],
    ["bench"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_explains_every_command(box: Box, command: list[str]) -> None:
    done = box.run(*command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(" ".join(["Usage: mouthpiece", *command]))


def test_help_names_every_generation_option_with_its_range(box: Box) -> None:
    text = " ".join(box.run("render", "--help").stdout.split())
    for option in ("--duration", "--inference-steps", "--dynamic-scale", "--motion-scale", "--expand-ratio", "--seed"):
        assert option in text
    assert "[128..2160 px]" in text


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom appliance.cli import cli\ncli(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted({'cv2', 'av', 'torch', 'numpy', 'onnxruntime', 'PIL'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_motion_writes_the_track_that_the_contract_promises(box: Box, tmp_path: Path, speech: Path) -> None:
    out = tmp_path / "m.npz"
    done = box.run("motion", speech, "--out", out, "--fps", "50", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"out": str(out), "frames": len(MotionTrack.load(out)), "fps": 50, "warnings": []}
    with np.load(out) as stored:
        assert sorted(stored.files) == sorted(["fps", "viseme", *CURVES])
        assert stored["fps"] == 50
        assert 0 <= stored["viseme"].min() <= stored["viseme"].max() < len(VISEMES)
        for name in ("opening", "closure", "vad"):
            assert 0 <= stored[name].min() < 0.3
            assert 0.5 < stored[name].max() <= 1, "Papa meets Bob"
    assert list(tmp_path.iterdir()) == [out]


def test_motion_is_the_same_on_torch(box: Box, tmp_path: Path, speech: Path) -> None:
    pytest.importorskip("torch")
    tracks = []
    for engine in ("onnxruntime", "torch"):
        out = tmp_path / f"{engine}.npz"
        assert box.run("motion", speech, "--out", out, "--engine", engine).returncode == 0
        tracks.append(MotionTrack.load(out))
    for name in CURVES:
        assert np.abs(getattr(tracks[0], name) - getattr(tracks[1], name)).max() < 1e-3


def test_motion_at_an_impossible_rate(box: Box, tmp_path: Path, speech: Path) -> None:
    assert_refused(box.run("motion", speech, "--out", tmp_path / "m.npz", "--fps", "1000"), "frame rate 1000", "choose")
    assert list(tmp_path.iterdir()) == []


def test_an_avatar_from_enrolment_to_removal(box: Box, tmp_path: Path, portrait: Path) -> None:
    added = box.run("avatar", "add", "clara", portrait, "--json")
    assert (added.returncode, added.stderr) == (0, "")
    manifest = json.loads(added.stdout)
    assert (manifest["name"], manifest["kind"], manifest["width"], manifest["height"]) == (
        "clara",
        "portrait",
        256,
        256,
    )
    assert json.loads(box.run("avatar", "list", "--json").stdout) == ["demo", "clara"]
    assert box.run("avatar", "list").stdout == "demo\nclara\n"
    assert json.loads(box.run("avatar", "show", "clara", "--json").stdout) == manifest
    assert box.run("avatar", "show", "clara").stdout == f"clara: portrait, 256x256, in {manifest['path']}\n"

    again = box.run("avatar", "add", "clara", portrait)
    assert_refused(again, "clara", "--replace")
    assert box.run("avatar", "add", "clara", portrait, "--replace").returncode == 0

    sheet = tmp_path / "sheet.png"
    drawn = box.run("avatar", "sheet", "clara", "--out", sheet)
    assert (drawn.returncode, drawn.stdout) == (0, f"{sheet}\n")
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert min(picture.shape[:2]) > 1000
    assert list(tmp_path.iterdir()) == [sheet]

    assert box.run("avatar", "remove", "clara").returncode == 0
    assert_refused(box.run("avatar", "remove", "clara"), "clara", "one of: demo")
    assert_refused(box.run("avatar", "sheet", "clara", "--out", sheet), "clara", "one of: demo")


def test_the_demo_avatar_is_always_there_and_stays(box: Box) -> None:
    assert json.loads(box.run("avatar", "show", "demo", "--json").stdout)["kind"] == "drawn"
    done = box.run("avatar", "remove", "demo")
    assert done.returncode == 1
    assert "demo is part of the program" in done.stderr


def test_the_data_may_lie_anywhere(tmp_path: Path, box: Box, portrait: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert box.run("--data", elsewhere, "avatar", "add", "dora", portrait).returncode == 0
    assert box.run("--data", elsewhere, "avatar", "list").stdout == "demo\ndora\n"
    assert (elsewhere / "data" / "avatars" / "dora" / "manifest.json").is_file()
    assert "dora" not in box.run("avatar", "list").stdout


def test_doctor_tells_scripts_what_it_tells_people(box: Box) -> None:
    told = box.run("doctor", "--json")
    report = json.loads(told.stdout)
    people = box.run("doctor")
    assert told.returncode == people.returncode
    assert told.returncode in (0, 3), "3: this machine is unhealthy"
    assert "Traceback" not in told.stderr + people.stderr
    assert report["healthy"] == (told.returncode == 0)
    assert {finding["status"] for finding in report["findings"]} <= {"ok", "warning", "problem"}
    for finding in report["findings"]:
        assert finding["check"] in people.stdout
        assert finding["status"] == "ok" or finding["fix"]
    assert people.stdout.rstrip().splitlines()[-1].startswith("problems: ")


def test_doctor_leaves_a_sick_box_with_a_code_that_says_so(tmp_path: Path) -> None:
    sick = Box(tmp_path)
    (tmp_path / "nand").mkdir()
    (tmp_path / "nand/state").write_text("a file is in the way")
    for arguments in (["doctor"], ["doctor", "--json"]):
        assert sick.run(*arguments).returncode == 3


def test_a_name_that_no_disk_takes_is_no_mistake_of_ours(box: Box, speech: Path) -> None:
    assert_refused(box.run("jobs", "submit", "--avatar", "a" * 300, "--audio", speech), "File name too long")


def test_a_reader_that_has_seen_enough_hears_no_complaint(box: Box) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "appliance", "render", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=box.environment,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_full_standard_output_is_told_and_the_video_is_kept(box: Box, tmp_path: Path, speech: Path) -> None:
    out = tmp_path / "a.mp4"
    command = [sys.executable, "-m", "appliance", "render", "--avatar", "demo", "--audio", str(speech), "--json"]
    command += ["--out", str(out), "--duration", "0.2"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=box.environment, check=False)
    assert done.returncode == 1
    assert done.stderr.decode() == "error: what standard output goes to is full\n"
    assert out.stat().st_size > 0
