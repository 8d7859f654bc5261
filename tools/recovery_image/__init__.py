"""The recovery system's initramfs: `python -m tools.recovery_image BOARD --keyring CA.pem --out FILE`.

It holds busybox, Debian's Python without what recovery does not use, the console, RAUC and the tools for flash and
disks (boot/recovery/packages.txt), compiled, packed with fixed times, owners and order, and compressed with xz: the
same inputs give the same bytes. Python's packages are wheels of the versions that this checkout runs with.

    contents    the tree of files, from packages, wheels and this checkout
    archive     that tree as a compressed cpio archive
    kernel      modules for a kernel that has drivers in some
"""
