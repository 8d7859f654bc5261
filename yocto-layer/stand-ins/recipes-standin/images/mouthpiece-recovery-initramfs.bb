INITRAMFS_ARCHIVE = "cpio.xz"
# About what the real one has: more than the ROCK 5B's NOR has room for.
INITRAMFS_NOISE = "16000000"

require initramfs.inc
