# nooelint: oelint.var.mandatoryvar.SRC_URI,oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Mouthpiece update"
DESCRIPTION = "A slot's images and recovery's, signed, for RAUC."
SECTION = "base"
LICENSE = "Apache-2.0"

inherit bundle mouthpiece_board features_check

# Built explicitly, as the images in it are.
EXCLUDE_FROM_WORLD = "1"
REQUIRED_DISTRO_FEATURES = "rauc"

RAUC_BUNDLE_BUILD = "${PV}"
RAUC_BUNDLE_COMPATIBLE = "mouthpiece-${MACHINE}"
RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_SLOTS = "rootfs"
RAUC_BUNDLE_SLOTS:append:qemuarm64 = " boot recovery"
RAUC_BUNDLE_SLOTS:append:rock-5b = " boot recovery"
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

RAUC_IMAGE_FSTYPE = "squashfs-zst.verity"
RAUC_IMAGE_FSTYPE:tegra = "ext4"

do_bundle[file-checksums] += "${@mouthpiece_keys(d, 'bundle.key.pem bundle.cert.pem')}"
do_bundle:prepend() {
    mouthpiece_need_keys bundle.key.pem bundle.cert.pem
}
