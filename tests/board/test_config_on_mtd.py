"""The configuration on a raw MTD character device of a real kernel (mtdram: memory behind the kernel's interface)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import CHECKOUT, Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

USE_IT = """
from pathlib import Path
from appliance.storage import nor
from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes

store = ConfigStore(Volumes(Path("/tmp/box")))
device = Path("/dev/mtd0")
print("new", store.load().lost, store.read())
print("stored", store.update(lambda values: values.update(name="box")) == store.read() == {"name": "box"})
print("again", store.update(lambda values: values.update(name="other", more="x" * 70_000)) == store.read())
before = device.read_bytes()
store.update(lambda values: None)
print("copies", before == device.read_bytes(), before[:131072] == before[131072:])

with nor.open_medium(device, size=0, erase_size=0, writable=True) as medium:
    print("geometry", type(medium).__name__, medium.size, medium.erase_size, medium.write_size)
    medium.erase(0, 65536)
    print("erased", medium.read(0, 65536) == nor.ERASED * 65536, store.load().sound, store.read()["name"])
    medium.program(0, b"MPC1 and nothing that makes sense")
print("damaged", store.load().sound, store.read()["name"])
store.update(lambda values: None)
print("repaired", store.load().sound, before == device.read_bytes())
print([finding.status.value for finding in store.findings()])
"""


def test_the_configuration_is_kept_on_a_raw_mtd_device(tmp_path: Path) -> None:
    guest = Guest(tmp_path, overlay={"/root/use_it.py": USE_IT})
    script = f"""set -eu
modprobe mtdram total_size=256 erase_size=64
mkdir -p /tmp/box/nor/config
ln -s /dev/mtd0 /tmp/box/nor/config/config.nor
cd {CHECKOUT}
{CHECKOUT}/.venv/bin/python /root/use_it.py
"""
    result = guest.run(script, timeout_s=240)
    assert result.status == 0, result.explain()
    assert result.text("stdout").splitlines() == [
        "new False {}",
        "stored True",
        "again True",
        "copies True True",
        "geometry MtdMedium 262144 65536 1",
        "erased True False other",
        "damaged False other",
        "repaired True True",
        "['ok']",
    ]
