INITRAMFS_ARCHIVE = "cpio.zst"

require initramfs.inc
