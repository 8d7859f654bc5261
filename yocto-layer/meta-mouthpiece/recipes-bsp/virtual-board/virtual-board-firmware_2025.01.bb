# nooelint: oelint.var.mandatoryvar.SRC_URI - what is deployed is made before the build
SUMMARY = "U-Boot and device tree of the virtual board"
DESCRIPTION = "The device tree is QEMU's, and the key that U-Boot trusts lies in it; so both are made before the build, \
by `python -m tools.yocto firmware`, which `make image BOARD=virt-arm64` runs."
HOMEPAGE = "https://u-boot.org"
BUGTRACKER = "https://source.denx.de/u-boot/u-boot/-/issues"
SECTION = "bootloaders"
CVE_PRODUCT = "denx:u-boot"
LICENSE = "GPL-2.0-or-later"
# nooelint: oelint.var.licenseremotefile - the source is not here
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/GPL-2.0-or-later;md5=fed54355545ffd980b814dab4a3b312c"

COMPATIBLE_MACHINE = "^qemuarm64$"

# The folder that holds u-boot.bin and machine.dtb.
MOUTHPIECE_FIRMWARE ??= "${TOPDIR}/firmware"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

def mouthpiece_firmware(d):
    import os
    paths = [os.path.join(d.getVar("MOUTHPIECE_FIRMWARE"), name) for name in ("machine.dtb", "u-boot.bin")]
    return " ".join(f"{path}:{os.path.exists(path)}" for path in paths)

do_deploy[file-checksums] += "${@mouthpiece_firmware(d)}"
do_deploy() {
    [ -e ${MOUTHPIECE_FIRMWARE}/u-boot.bin ] || bbfatal "${MOUTHPIECE_FIRMWARE} has no u-boot.bin: docs/YOCTO.md says how to make it, MOUTHPIECE_FIRMWARE where it is"
    install -m 0644 ${MOUTHPIECE_FIRMWARE}/u-boot.bin ${DEPLOYDIR}/u-boot-virtual-board.bin
    install -m 0644 ${MOUTHPIECE_FIRMWARE}/machine.dtb ${DEPLOYDIR}/machine.dtb
}
addtask deploy before do_build
