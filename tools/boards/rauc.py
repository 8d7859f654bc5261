"""RAUC's `system.conf`: the slots of a board and who switches between them.

Keys are those of RAUC 1.15's reference. A slot is a root file system and, where the kernel does not lie in it, a boot
image bound to it. Recovery and firmware are there once and are nothing that RAUC boots: an update that brings one
replaces it, firmware by the bundle's own hook (`tools.bundle_hook`), which a mounted file system does not bother. Only
verity bundles are taken. RAUC's own state lies on the disk that has the slots: where that disk is dead there is nothing
to remember either. The certificate authority stands beside the file.
"""

from __future__ import annotations

from tools.boards.board import Board

COMPATIBLE = "mouthpiece-{machine}"
"""What a bundle must be made for."""
_STATE = "/var/lib/mouthpiece/data/rauc"
_NUMBER = {"A": 0, "B": 1}


def system_conf(board: Board) -> str:
    update = board.update
    system = [
        "[system]",
        f"compatible={COMPATIBLE.format(machine=board.machine)}",
        f"bootloader={update.bootloader}",
        "bundle-formats=verity",
        f"data-directory={_STATE}",
        "mountprefix=/run/rauc/mnt",
    ]
    if update.bootloader == "uboot":
        system += [f"boot-attempts={update.attempts}", f"boot-attempts-primary={update.attempts}"]
    sections = [system, ["[keyring]", "path=keyring.pem", "check-purpose=codesign"]]
    if update.handler:
        sections.append(["[handlers]", f"bootloader-custom-backend={update.handler}"])
    for part in board.disk.partitions:
        if part.image:
            number = _NUMBER[part.slot] if part.slot else 0
            slot = [f"[slot.{part.image}.{number}]", f"device=/dev/disk/by-partlabel/{part.name}", f"type={part.type}"]
            if part.image == "rootfs":
                slot.append(f"bootname={part.slot}")
            elif part.slot:
                slot.append(f"parent=rootfs.{number}")
            elif part.type == "vfat":
                slot.append("allow-mounted=true")
            sections.append(slot)
    return "\n\n".join("\n".join(section) for section in sections) + "\n"
