# nooelint: oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - nothing of its own is in it
SUMMARY = "The root slot of a box"
DESCRIPTION = "Read-only, compressed, without a shell on the network: the console in the browser manages the box, the \
serial console is for whoever holds it."
SECTION = "base"
LICENSE = "MIT"

IMAGE_CLASSES += "mouthpiece_verity"

inherit core-image

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL = "packagegroup-core-boot packagegroup-mouthpiece"
IMAGE_FSTYPES = "squashfs-zst.verity"
# NVIDIA's boot loader reads the kernel from the slot, which it wants to be ext4.
IMAGE_FSTYPES:tegra = "ext4 tegraflash-tar.zst"
IMAGE_LINGUAS = "en-us zh-cn"
# A slot is as large as what is in it; what grows lies on other volumes.
IMAGE_ROOTFS_EXTRA_SPACE = "0"
