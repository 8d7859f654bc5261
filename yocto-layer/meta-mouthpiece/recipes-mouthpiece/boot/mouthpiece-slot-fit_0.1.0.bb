# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Mouthpiece, a slot"
DESCRIPTION = "What U-Boot starts of a slot. It knows the hash of the slot's root file system and belongs to that one alone."
SECTION = "bootloaders"
LICENSE = "GPL-2.0-only"
# nooelint: oelint.var.licenseremotefile - the kernel is in it, not its source
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/GPL-2.0-only;md5=801f80980d171dd6425610833a22dbe6"

MOUTHPIECE_FIT_INITRAMFS = "mouthpiece-slot-initramfs"

inherit mouthpiece_fit

DEPENDS += "cpio-native zstd-native"

do_compile[depends] += "mouthpiece-image:do_image_complete"
mouthpiece_fit_initramfs:append() {
    install -D -m 0644 ${DEPLOY_DIR_IMAGE}/mouthpiece-image-${MACHINE}.rootfs.verity-parameters ${B}/behind/etc/mouthpiece-verity
    find ${B}/behind -exec touch -h -d @${SOURCE_DATE_EPOCH} {} +
    (cd ${B}/behind && find . -mindepth 1 | LC_ALL=C sort | cpio --create --format=newc --reproducible --owner=+0:+0 --quiet) |
        zstd --quiet --stdout >> ${B}/initramfs
}
