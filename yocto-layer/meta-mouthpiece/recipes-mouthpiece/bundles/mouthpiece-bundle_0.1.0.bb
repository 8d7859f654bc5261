# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Mouthpiece update"
DESCRIPTION = "A slot's images, recovery's and the firmware, signed, for RAUC."
SECTION = "base"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"
SRC_URI = "\
    file://LICENSE \
    file://appliance/__init__.py \
    file://appliance/errors.py \
    file://appliance/storage/__init__.py \
    file://appliance/storage/atomic.py \
    file://appliance/storage/nor.py \
    file://tools/__init__.py \
    file://tools/bundle_hook \
"

# Whether it renews the firmware, too. A capsule for a Jetson is signed (tegra-uefi-capsules) with keys that whoever builds
# it must have made; meta-tegra's are for tests.
MOUTHPIECE_BUNDLE_FIRMWARE ?= "0"
MOUTHPIECE_BUNDLE_FIRMWARE:rock-5b ?= "1"
MOUTHPIECE_BUNDLE_FIRMWARE:qemuarm64 = "0"
MOUTHPIECE_BUNDLE_FIRMWARE_FILE = "u-boot-rockchip-${MACHINE}.bin"
MOUTHPIECE_BUNDLE_FIRMWARE_FILE:tegra = "tegra-bl.cap"

inherit bundle mouthpiece_board features_check python3native

# Built explicitly, as the images in it are.
EXCLUDE_FROM_WORLD = "1"
REQUIRED_DISTRO_FEATURES = "rauc"

RAUC_BUNDLE_BUILD = "${PV}"
RAUC_BUNDLE_COMPATIBLE = "mouthpiece-${MACHINE}"
RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_SLOTS = "rootfs"
RAUC_BUNDLE_SLOTS:append:qemuarm64 = " boot recovery"
RAUC_BUNDLE_SLOTS:append:rock-5b = " boot recovery"
# Last: a bundle that cannot be read to its end has not touched the firmware then.
RAUC_BUNDLE_SLOTS:append = "${@bb.utils.contains('MOUTHPIECE_BUNDLE_FIRMWARE', '1', ' firmware', '', d)}"
RAUC_CERT_FILE = "${MOUTHPIECE_KEYS}/bundle.cert.pem"
RAUC_KEY_FILE = "${MOUTHPIECE_KEYS}/bundle.key.pem"

# RAUC writes a file named .img as it is, whatever the slot's type.
RAUC_SLOT_rootfs = "mouthpiece-image"
RAUC_SLOT_rootfs[rename] = "rootfs.img"

RAUC_SLOT_boot = "mouthpiece-slot-fit"
RAUC_SLOT_boot[type] = "file"
RAUC_SLOT_boot[file] = "mouthpiece-slot-fit-${MACHINE}.fit"
RAUC_SLOT_boot[rename] = "boot.img"

RAUC_SLOT_recovery = "mouthpiece-recovery-fit"
RAUC_SLOT_recovery[type] = "file"
RAUC_SLOT_recovery[file] = "mouthpiece-recovery-fit-${MACHINE}.fit"
RAUC_SLOT_recovery[rename] = "recovery.img"

# Written by the bundle's own hook, tools/bundle_hook, which finds the NOR's image beside it.
RAUC_SLOT_firmware = "virtual/bootloader"
RAUC_SLOT_firmware:tegra = "tegra-uefi-capsules"
RAUC_SLOT_firmware[type] = "file"
RAUC_SLOT_firmware[file] = "${MOUTHPIECE_BUNDLE_FIRMWARE_FILE}"
RAUC_SLOT_firmware[rename] = "firmware.img"
RAUC_SLOT_firmware[hooks] = "install"

# nooelint: oelint.task.noanonpython - flags have no overrides, and a hook stands in the manifest when its flag does
python () {
    if d.getVar("MOUTHPIECE_BUNDLE_FIRMWARE") == "1":
        d.setVarFlag("RAUC_BUNDLE_HOOKS", "file", "hook")
        d.setVarFlag("RAUC_BUNDLE_HOOKS", "hooks", "install-check")
        if d.getVar("MACHINE") == "rock-5b":
            d.appendVar("RAUC_BUNDLE_EXTRA_FILES", " firmware-nor.img")
}

# nooelint: oelint.task.docstrings - not a task
mouthpiece_bundle_hook() {
    cd ${S}
    nativepython3 -B -m tools.bundle_hook.pack hook
}
mouthpiece_bundle_hook:append:rock-5b() {
    cp ${DEPLOY_DIR_IMAGE}/u-boot-rockchip-spi-${MACHINE}.bin firmware-nor.img
}
do_configure[prefuncs] += "${@bb.utils.contains('MOUTHPIECE_BUNDLE_FIRMWARE', '1', 'mouthpiece_bundle_hook', '', d)}"

RAUC_IMAGE_FSTYPE = "squashfs-zst.verity"
RAUC_IMAGE_FSTYPE:tegra = "ext4"

do_bundle[file-checksums] += "${@mouthpiece_keys(d, 'bundle.key.pem bundle.cert.pem')}"
do_bundle:prepend() {
    mouthpiece_need_keys bundle.key.pem bundle.cert.pem
}
