"""In the guest: the microphone's part of the product on a sound card of the kernel, which comes, is heard and goes.

The commands run in this process, for starting another takes long on an emulated processor; a thread plays meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.capture.devices import Microphone, Watcher
from appliance.pipeline.motion import load_motion_model
from appliance.volumes import Volumes
from tests.board.inside.command import mouthpiece
from tests.board.inside.facts import Facts, until

BOX: Final = Volumes(Path("/tmp/box"))  # noqa: S108  the guest's own
SPEECH: Final = Path("/out/speech.wav")
HEARD: Final = "card:Loopback:1"
"""The input that hears what is played to the card's first output."""
_DRIVER: Final = Path("/sys/bus/platform/drivers/snd_aloop")
_PULLED_AFTER_S: Final = 2.0


class Seen:
    """What a watcher tells."""

    def __init__(self) -> None:
        self.now: list[str] | None = None
        self._watcher = Watcher(self._changed)

    def until(self, *ids: str) -> list[str]:
        until(lambda: self.now == list(ids), f"the watcher sees {ids}")
        return list(ids)

    def _changed(self, present: list[Microphone]) -> None:
        self.now = [one.id for one in present]


def main() -> None:
    facts = Facts()
    seen = Seen()
    facts["before"] = seen.until()
    subprocess.run(["modprobe", "snd-aloop"], check=True)
    facts["came"] = seen.until("card:Loopback:0", HEARD)
    facts["listed"] = json.loads(mouthpiece(BOX, "record", "--list", "--json")["out"])
    load_motion_model()  # loads the network for the first time, which would take a while of the recording
    facts["until silence"] = _recorded("until-silence.wav", "--until-silence", meanwhile=_play)
    facts["pulled out"] = _recorded("pulled-out.wav", "--seconds", "100", meanwhile=_pull_out)
    facts["gone"] = seen.until()
    facts["without one"] = mouthpiece(BOX, "record", "--seconds", "1", "--out", "/out/nothing.wav")
    (_DRIVER / "bind").write_text("snd_aloop.0")
    facts["came back"] = seen.until("card:Loopback:0", HEARD)


def _recorded(name: str, *how: str, meanwhile: Callable[[], None]) -> dict[str, Any]:
    thread = threading.Thread(target=meanwhile)
    thread.start()
    told = mouthpiece(BOX, "record", *how, "--device", HEARD, "--out", f"/out/{name}", "--json")
    thread.join()
    return told


def _play() -> None:
    until(_records, "the microphone is open")
    subprocess.run(["aplay", "-q", "-D", "plughw:Loopback,0,0", str(SPEECH)], check=True)


def _pull_out() -> None:
    until(_records, "the microphone is open")
    until(lambda: _records() > _PULLED_AFTER_S, "something was heard")
    (_DRIVER / "unbind").write_text("snd_aloop.0")


def _records() -> float:
    """For how many seconds the card has been recording, as the kernel counts them."""
    try:
        return int(_asked("status", "hw_ptr")) / int(_asked("hw_params", "rate").split()[0])
    except (OSError, KeyError):
        return 0.0


def _asked(file: str, name: str) -> str:
    lines = (Path("/proc/asound/Loopback/pcm1c/sub0") / file).read_text().splitlines()
    return {key.strip(): value for key, _, value in (line.partition(":") for line in lines)}[name]


if __name__ == "__main__":
    main()
