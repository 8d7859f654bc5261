"""What is written to a board in the factory, made from its description in boot/boards.

`nor` is the content of the SPI NOR, `nand` that of the NAND, `disk` that of the eMMC or NVMe; all are bare files, as
long as what they are written to or sparse, and the same bytes whenever they are made of the same parts. The recipes of
the Yocto layer run `python -m tools.images`; it needs nothing but Python, ubinize (mtd-utils) and sfdisk (util-linux).
"""
