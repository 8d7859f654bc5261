# nooelint: oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "What a slot starts with"
DESCRIPTION = "Finds the root file system of the slot, checks it and hands over to it; nothing more."
SECTION = "base"
LICENSE = "MIT"

inherit core-image

IMAGE_FEATURES = ""
IMAGE_FSTYPES = "cpio.zst"
IMAGE_LINGUAS = ""
IMAGE_NAME_SUFFIX = ""
PACKAGE_EXCLUDE = "kernel-image-*"
PACKAGE_INSTALL = "mouthpiece-slot-init"
IMAGE_ROOTFS_SIZE = "8192"
IMAGE_ROOTFS_EXTRA_SPACE = "0"
