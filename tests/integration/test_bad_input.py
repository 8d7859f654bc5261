"""What users get wrong: the exit code, words that name the file and the fix, and nothing left behind."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests import assets, sounds
from tests.integration.box import SMALL, Box, Done, assert_refused, leftovers

Mount = Callable[[Path, str], None]


@pytest.fixture
def mounted() -> Iterator[Mount]:
    """Mounts a disk in memory on a folder, with options."""
    folders: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


def wav(path: Path, data: bytes, *, said: int | None = None, rate: int = 8000) -> Path:
    """8-bit mono WAV, whose header gives its size as `said`."""
    size = len(data) if said is None else said
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + b"data" + struct.pack("<I", size)
    path.write_bytes(header + data)
    return path


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG that says how large it is, and little more."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(1000)))]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def refused(box: Box, folder: Path, avatar: str | Path, audio: Path, *options: str, code: int = 1) -> Done:
    """A render into an empty folder that fails leaves it empty."""
    out = folder / "out"
    out.mkdir()
    done = box.run("render", "--avatar", avatar, "--audio", audio, "--out", out / "o.mp4", *SMALL, *options)
    assert done.returncode == code, done.stderr
    assert list(out.iterdir()) == []
    assert leftovers(box.root) == []
    return done


SOUNDS = {
    "empty": (b"", "is empty"),
    "header-only": (b"RIFF\x24\0\0\0WAVE", "is not a sound file"),
    "text": (b"This is only text.\n" * 50, "is not a sound file"),
    "noise": (np.random.default_rng(1).bytes(5000), "is not a sound file"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_files_that_are_no_sound(box: Box, tmp_path: Path, portrait: Path, name: str) -> None:
    content, words = SOUNDS[name]
    path = tmp_path / f"{name}.wav"
    path.write_bytes(content)
    assert_refused(refused(box, tmp_path, portrait, path), path, words)


def test_a_sound_of_zero_seconds(box: Box, tmp_path: Path, portrait: Path) -> None:
    path = wav(tmp_path / "zero.wav", b"")
    assert_refused(refused(box, tmp_path, portrait, path), path, "no sound")


def test_a_picture_is_no_sound(box: Box, tmp_path: Path, portrait: Path) -> None:
    assert_refused(refused(box, tmp_path, portrait, portrait), portrait, "has no sound")


def test_a_sound_that_is_missing_or_a_folder(box: Box, tmp_path: Path, portrait: Path) -> None:
    missing = tmp_path / "missing.wav"
    assert_refused(refused(box, tmp_path, portrait, missing), f"there is no file {missing}", "check the spelling")
    (tmp_path / "out").rmdir()
    assert_refused(refused(box, tmp_path, portrait, tmp_path), f"{tmp_path} is a folder")


def test_more_than_three_hours_are_refused_but_a_beginning_is_made(box: Box, tmp_path: Path, portrait: Path) -> None:
    hours = 4
    path = wav(tmp_path / "long.wav", b"", said=hours * 3600 * 8000)
    os.truncate(path, 44 + hours * 3600 * 8000)
    assert_refused(refused(box, tmp_path, portrait, path), path, "longer than 3 hours", "cut it into parts")
    report = box.render(portrait, path, tmp_path / "o.mp4", "--duration", "0.4")
    assert report["frames"] == 10


@pytest.mark.parametrize("said", [80_000, 2_000_000_000])
def test_a_sound_that_lies_about_its_length_is_used_as_far_as_it_goes(
    box: Box, tmp_path: Path, portrait: Path, said: int
) -> None:
    tone = (128 + 60 * np.sin(np.arange(4000) / 3)).astype(np.uint8)
    path = wav(tmp_path / "liar.wav", tone.tobytes(), said=said)
    done = box.run("render", "--avatar", portrait, "--audio", path, "--out", tmp_path / "o.mp4", *SMALL)
    assert done.returncode == 0
    assert f"warning: {path}" in done.stderr
    assert "0.5 s" in done.stdout


def test_an_image_bomb(box: Box, tmp_path: Path, speech: Path) -> None:
    bomb = png_header(tmp_path / "bomb.png", 50_000, 50_000)
    assert_refused(refused(box, tmp_path, bomb, speech), bomb, "64 megapixels", "scale it down")


def test_pictures_that_cannot_be_read(box: Box, tmp_path: Path, portrait: Path, speech: Path) -> None:
    whole = portrait.read_bytes()
    cut, text, empty = tmp_path / "cut.png", tmp_path / "text.png", tmp_path / "empty.png"
    cut.write_bytes(whole[: len(whole) // 2])
    text.write_text("no picture")
    empty.touch()
    for path, words in ((cut, "cut off"), (text, "neither a picture nor a video"), (empty, "is empty")):
        assert_refused(refused(box, tmp_path, path, speech), path, words)
        (tmp_path / "out").rmdir()


def test_an_unknown_avatar_is_answered_with_the_known_ones(
    box: Box, tmp_path: Path, portrait: Path, speech: Path
) -> None:
    assert box.run("avatar", "add", "anna", portrait).returncode == 0
    done = refused(box, tmp_path, "berta", speech)
    assert_refused(done, "berta", "one of: demo, anna")
    assert box.run("avatar", "remove", "anna").returncode == 0


def test_a_picture_without_a_face(box: Box, tmp_path: Path, speech: Path) -> None:
    plain = tmp_path / "plain.png"
    cv2.imwrite(str(plain), np.full((300, 300, 3), 90, np.uint8))
    assert_refused(refused(box, tmp_path, plain, speech), plain, "no face")


def test_a_picture_that_ends_above_the_mouth(box: Box, tmp_path: Path, speech: Path) -> None:
    cut = tmp_path / "cut.png"
    cv2.imwrite(str(cut), np.asarray(cv2.imread(str(assets.astronaut())), np.uint8)[:130])
    assert_refused(refused(box, tmp_path, cut, speech), cut, "the mouth", "down to the chin")


def test_two_faces_are_a_question_that_an_option_answers(
    box: Box, tmp_path: Path, drawing: NDArray[np.uint8], speech: Path
) -> None:
    pair = tmp_path / "pair.png"
    cv2.imwrite(str(pair), np.hstack([drawing, drawing]))
    assert_refused(refused(box, tmp_path, pair, speech), pair, "2 faces of similar size", "--face")
    report = box.render(pair, speech, tmp_path / "o.mp4", "--face", "2", "--duration", "0.2")
    assert report["frames"] == 5


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--dynamic-scale", "7", "give 0 to 2"),
        ("--fps", "1000", "give 5 to 60"),
        ("--duration", "-1", "give 0.04 to 10800 s"),
        ("--min-resolution", "100000", "give 128 to 2160 px"),
        ("--expand-ratio", "nan", "give 0 to 4"),
        ("--model", "nonesuch", "onnxruntime or torch"),
    ],
)
def test_values_out_of_range(
    box: Box, tmp_path: Path, portrait: Path, speech: Path, option: str, value: str, words: str
) -> None:
    done = refused(box, tmp_path, portrait, speech, option, value)
    assert_refused(done, option.strip("-").replace("-", "_"), words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["render", "--nonsense"], "No such option"),
        (["render", "--avatar", "demo"], "Missing option"),
        (["render", "--seed", "soon"], "'soon' is not a valid integer"),
        (["sing"], "No such command 'sing'"),
        (["motion"], "Missing argument"),
        ([], "Usage:"),
    ],
)
def test_usage_is_explained(box: Box, arguments: list[str], words: str) -> None:
    done = box.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "--help" in done.stderr


COMMANDS = {
    "render": ["render", "--avatar", "{portrait}", "--audio", "{speech}", *SMALL],
    "motion": ["motion", "{speech}"],
}


def filled(command: str, portrait: Path, speech: Path) -> list[str]:
    return [part.format(portrait=portrait, speech=speech) for part in COMMANDS[command]]


@pytest.mark.parametrize("command", COMMANDS)
def test_outputs_that_cannot_be_written(box: Box, tmp_path: Path, portrait: Path, speech: Path, command: str) -> None:
    folder, pipe = tmp_path / "folder.mp4", tmp_path / "pipe.mp4"
    folder.mkdir()
    os.mkfifo(pipe)
    before = sorted(tmp_path.rglob("*"))
    for out, words, fix in (
        (folder, "it is a folder", "name of a file in it"),
        (tmp_path / "missing" / "o.mp4", f"there is no folder {tmp_path / 'missing'}", "make the folder first"),
        (pipe, "it is a device or a pipe", "name of a file"),
        (tmp_path / ("x" * 300), "File name too long", "choose"),
    ):
        done = box.run(*filled(command, portrait, speech), "--out", out)
        assert_refused(done, f"cannot write {out}", words, fix)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_may_not_be_written_in(
    box: Box, tmp_path: Path, mounted: Mount, portrait: Path, speech: Path, command: str
) -> None:
    """Root may write everywhere but on a disk that is read-only."""
    folder = tmp_path / "closed"
    folder.mkdir(0o555)
    if os.geteuid() == 0:
        mounted(folder, "ro,size=1m")
    out = folder / "o.mp4"
    done = box.run(*filled(command, portrait, speech), "--out", out)
    assert_refused(done, f"cannot write {out}", f"the folder {folder} is not writable", "choose another folder")
    assert list(folder.iterdir()) == []


@pytest.fixture
def little_disk(tmp_path: Path, mounted: Mount) -> Path:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted(disk, "size=256k")
    return disk


@pytest.mark.parametrize("free_kib", [0, 20, 150])
def test_a_full_disk(box: Box, little_disk: Path, portrait: Path, tmp_path: Path, free_kib: int) -> None:
    """However early or late the disk is full."""
    voice = sounds.write(tmp_path / "a.wav", sounds.bursts(12, 44100, channels=2), 44100)
    (little_disk / "fill").write_bytes(bytes((256 - free_kib) << 10))
    out = little_disk / "o.mp4"
    done = box.run("render", "--avatar", portrait, "--audio", voice, "--out", out, *SMALL)
    assert_refused(done, f"cannot write {little_disk}", "No space left on device", "free some space", code=3)
    assert [path.name for path in little_disk.iterdir()] == ["fill"]


def test_a_full_disk_and_a_motion_track(box: Box, little_disk: Path, speech: Path) -> None:
    (little_disk / "fill").write_bytes(bytes(256 << 10))
    done = box.run("motion", speech, "--out", little_disk / "o.npz")
    assert_refused(done, f"{little_disk / 'o.npz'}: No space left on device", "space", code=done.returncode)
    assert done.returncode == 3
    assert [path.name for path in little_disk.iterdir()] == ["fill"]


def test_a_failed_render_keeps_the_video_that_was_there(box: Box, tmp_path: Path, portrait: Path) -> None:
    out, sound = tmp_path / "o.mp4", tmp_path / "text.wav"
    out.write_bytes(b"an older video")
    sound.write_text("no sound")
    assert box.run("render", "--avatar", portrait, "--audio", sound, "--out", out).returncode == 1
    assert out.read_bytes() == b"an older video"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.mp4", "text.wav"]


@pytest.mark.parametrize("which", ["audio", "avatar"])
def test_a_video_does_not_replace_what_it_is_made_from(
    box: Box, tmp_path: Path, portrait: Path, speech: Path, which: str
) -> None:
    given = {"avatar": portrait, "audio": speech}
    original = given[which].read_bytes()
    out = given[which] = tmp_path / "mine"
    out.write_bytes(original)
    done = box.run("render", "--avatar", given["avatar"], "--audio", given["audio"], "--out", out, *SMALL)
    assert_refused(done, f"{out} would replace what it is made from", "another name")
    assert out.read_bytes() == original


def test_errors_are_not_json_on_standard_output(box: Box, tmp_path: Path, portrait: Path) -> None:
    done = refused(box, tmp_path, portrait, tmp_path / "missing.wav", "--json")
    assert_refused(done, "missing.wav")
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)
