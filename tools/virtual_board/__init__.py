"""The virtual board: QEMU's arm64 `virt` machine with a boot chain whose every part is real, from Debian's sources.

    python -m tools.virtual_board build     U-Boot, kernel and QEMU into the user's cache directory
    python -m tools.virtual_board run       the same, then the board, with its serial console in this terminal

`cache` keeps what takes minutes, `debian` fetches, `linux`, `uboot` and `qemu` make the parts, `base` and `rootfs` the
root, `system` what a slot holds and the bundles that bring it, `recovery` what serves without; `fit` and `keys` sign,
`media` lays all out on NOR, NAND and disk as `factory` says, `machine` starts the board, `board` knows its facts from
boot/boards.
"""
