# nooelint: oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - nothing of its own is in it
SUMMARY = "The recovery system as an initramfs"
DESCRIPTION = "It runs in memory: what it lies on may be written meanwhile, or fail."
SECTION = "base"
LICENSE = "MIT"

inherit core-image

IMAGE_FEATURES = ""
# A third smaller than cpio.zst, as oe-core makes it.
IMAGE_FSTYPES = "cpio.xz"
XZ_COMPRESSION_LEVEL = "-9"
IMAGE_LINGUAS = ""
IMAGE_NAME_SUFFIX = ""
PACKAGE_EXCLUDE = "kernel-image-*"
PACKAGE_INSTALL = "mouthpiece-recovery"
NO_RECOMMENDATIONS = "1"
IMAGE_ROOTFS_SIZE = "8192"
IMAGE_ROOTFS_EXTRA_SPACE = "0"
