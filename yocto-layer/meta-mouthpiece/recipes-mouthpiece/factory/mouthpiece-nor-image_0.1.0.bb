# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "The SPI NOR of a box: U-Boot, its environment, recovery"
DESCRIPTION = "Written in the factory, by Maskrom mode or a programmer."
SECTION = "bootloaders"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

COMPATIBLE_MACHINE = "^(rock-5b|qemuarm64)$"

MOUTHPIECE_FACTORY_KIND = "nor"
# Left out by tools/images where it does not fit, as on the ROCK 5B: U-Boot then takes the disk's.
MOUTHPIECE_FACTORY_CONTENTS = "recovery=mouthpiece-recovery-fit-${MACHINE}.fit"
MOUTHPIECE_FACTORY_CONTENTS:append:qemuarm64 = " u-boot=u-boot-virtual-board.bin"
MOUTHPIECE_FACTORY_CONTENTS:append:rock-5b = " u-boot=u-boot-rockchip-spi-${MACHINE}.bin"

inherit mouthpiece_factory

do_compile[depends] += "mouthpiece-recovery-fit:do_deploy"
do_compile[depends] += "${@bb.utils.contains('MACHINE', 'qemuarm64', 'virtual-board-firmware:do_deploy', 'virtual/bootloader:do_deploy', d)}"
