"""Everything that follows from a board's description: `boot/boards/NAME.toml` is the one place where it is said.

    python -m tools.boards            write what is generated; also `make boards`
    python -m tools.boards --check    change nothing, and fail where something is not as it would be written

`board` has the description's keys, `source` reads them and knows their lines, `rules` finds what cannot be on the real
chip, and `flash`, `uboot`, `rauc`, `overview` each write some of the files:

    boot/generated/NAME/nor.dtso        overlay: partitions of the NOR                    boards that may write it
    boot/generated/NAME/nand.dtso       overlay: the SPI NAND on its carrier board        boards that can have one
    boot/generated/NAME/mtdparts        the same as the kernel's parameter
    boot/generated/NAME/nandsim.conf    options of the module that simulates the NAND     boards with a simulated one
    boot/generated/NAME/ubinize.cfg     volumes of the NAND
    boot/generated/NAME/fw_env.config   where libubootenv finds the environment           boards with U-Boot
    boot/generated/NAME/u-boot.cfg      where U-Boot keeps it: configuration fragment     boards with U-Boot
    boot/generated/NAME/u-boot.env      what the boot script must know: variables         boards with U-Boot
    boot/generated/NAME/system.conf     RAUC's slots
    appliance/storage/boards.py         what the wear model must know
    docs/BOARDS.md                      the tables between its markers

`device_trees` fetches the real device trees that tests apply the overlays to.
"""
