"""Ids that last, kinds, and the watcher. Sound cards themselves are tested on a real kernel, in a guest."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

from appliance.capture.devices import Facts, Kind, Microphone, Watcher, capture_channels, identified, present

BUILT_IN = Facts(0, 0, "PCH", "HDA Intel PCH")
USB = Facts(1, 0, "Device", "USB PnP Sound Device", 1, ("0d8c", "0014", "", "1-1.2"))
YETI = Facts(2, 0, "Microphone", "Yeti Stereo Microphone", 2, ("b58e", "9e84", "797 2018/01", "1-2"))


def only(facts: Facts) -> Microphone:
    (microphone,) = identified([facts])
    return microphone


def test_a_microphone_is_known_by_what_does_not_change() -> None:
    assert only(BUILT_IN).id == "card:PCH:0"
    assert only(USB).id == "usb:0d8c:0014:@1-1.2:0"
    assert only(YETI).id == "usb:b58e:9e84:797_2018_01:0"


def test_the_id_survives_another_card_number_and_name() -> None:
    assert only(replace(YETI, card_number=7, card="Microphone_1")).id == only(YETI).id


def test_twins_with_one_serial_number_are_told_apart_by_their_ports() -> None:
    other = replace(YETI, card_number=3, card="Microphone_1", usb=("b58e", "9e84", "797 2018/01", "1-3"))
    assert [each.id for each in identified([YETI, other, BUILT_IN])] == [
        "card:PCH:0",
        "usb:b58e:9e84:@1-2:0",
        "usb:b58e:9e84:@1-3:0",
    ]


def test_alsa_finds_the_card_by_its_name_and_the_kernel_by_its_number() -> None:
    microphone = only(replace(YETI, device=1))
    assert microphone.alsa == "mouthpiece:CARD=Microphone,DEV=1"
    assert microphone.node == "/dev/snd/pcmC2D1c"


def test_kinds() -> None:
    assert only(BUILT_IN).kind is Kind.BUILT_IN
    assert only(USB).kind is Kind.USB
    assert only(replace(USB, channels=6)).kind is Kind.USB_ARRAY
    assert only(replace(USB, name="ReSpeaker 4 Mic Array (UAC1.0)")).kind is Kind.USB_ARRAY
    assert only(replace(BUILT_IN, name="rockchip,hdmiin")).kind is Kind.OTHER
    assert only(replace(BUILT_IN, card="Loopback")).kind is Kind.OTHER


# As the kernel writes it for a headset: playback first.
STREAM = """C-Media Electronics Inc. USB PnP Sound Device at usb-0000:00:14.0-2, full speed : USB Audio

Playback:
  Status: Stop
  Interface 1
    Altset 1
    Format: S16_LE
    Channels: 8
    Rates: 48000, 44100

Capture:
  Status: Stop
  Interface 2
    Altset 1
    Format: S16_LE
    Channels: 1
    Rates: 48000, 44100
  Interface 2
    Altset 2
    Format: S16_LE
    Channels: 2
    Rates: 48000
"""


def test_only_the_channels_that_it_captures_count() -> None:
    assert capture_channels(STREAM) == 2
    assert capture_channels(STREAM.partition("Capture")[0]) == 0
    assert capture_channels("") == 0


def test_what_is_present_is_what_the_kernel_has() -> None:
    folder = Path("/sys/class/sound")
    captures = (
        [entry for entry in folder.iterdir() if re.fullmatch(r"pcmC\d+D\d+c", entry.name)] if folder.exists() else []
    )
    assert len(present()) == len(captures)


def test_a_watcher_tells_at_once_what_is_there_and_ends_when_closed() -> None:
    told: list[list[Microphone]] = []
    first = threading.Event()

    def changed(microphones: list[Microphone]) -> None:
        told.append(microphones)
        first.set()
        raise RuntimeError("a listener's mistake is not the watcher's end")

    watcher = Watcher(changed)
    assert first.wait(10)
    watcher.close()
    assert told == [present()]
    assert "microphones" not in [thread.name for thread in threading.enumerate()]
