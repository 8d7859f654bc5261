INITRAMFS_ARCHIVE = "cpio.xz"

require initramfs.inc
