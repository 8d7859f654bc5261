# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "The disk of a box: firmware, slot A, recovery, room for slot B and for data"
DESCRIPTION = "Written in the factory, or by whoever sets up a board: make flash. Both slots' partitions are in its table."
SECTION = "bootloaders"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

COMPATIBLE_MACHINE = "^(rock-5b|qemuarm64)$"

MOUTHPIECE_FACTORY_KIND = "disk"
MOUTHPIECE_FACTORY_CONTENTS = "\
    boot-a=mouthpiece-slot-fit-${MACHINE}.fit \
    recovery=mouthpiece-recovery-fit-${MACHINE}.fit \
    root-a=mouthpiece-image-${MACHINE}.rootfs.squashfs-zst.verity \
"
# Where the NOR has no firmware, the chip's ROM takes this.
MOUTHPIECE_FACTORY_CONTENTS:append:rock-5b = " u-boot=u-boot-rockchip-${MACHINE}.bin"

inherit mouthpiece_factory

DEPENDS += "bmaptool-native util-linux-native"

do_compile[depends] += "mouthpiece-image:do_image_complete mouthpiece-recovery-fit:do_deploy mouthpiece-slot-fit:do_deploy"
do_compile[depends] += "${@bb.utils.contains('MACHINE', 'rock-5b', 'virtual/bootloader:do_deploy', '', d)}"

# What of the image is not zeros, with checksums, for bmaptool.
do_deploy:append() {
    bmaptool create --output ${DEPLOYDIR}/${PN}-${MACHINE}.img.bmap ${DEPLOYDIR}/${PN}-${MACHINE}.img
}
