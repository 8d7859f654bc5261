# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Mouthpiece, recovery"
DESCRIPTION = "What U-Boot starts when no slot does, or when it is asked to: from the NOR, or from the disk where \
the NOR has no room for it."
SECTION = "bootloaders"
LICENSE = "GPL-2.0-only"
# nooelint: oelint.var.licenseremotefile - the kernel is in it, not its source
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/GPL-2.0-only;md5=801f80980d171dd6425610833a22dbe6"

MOUTHPIECE_FIT_ARCHIVE = "cpio.xz"
MOUTHPIECE_FIT_COMPRESSION = "lzma"
MOUTHPIECE_FIT_INITRAMFS = "mouthpiece-recovery-initramfs"

inherit mouthpiece_fit
