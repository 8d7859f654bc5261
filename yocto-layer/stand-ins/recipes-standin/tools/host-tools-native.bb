SUMMARY = "The host's tools in the place of native ones"
LICENSE = "CLOSED"

inherit native nopackages

INHIBIT_DEFAULT_DEPS = "1"
PATCHDEPENDENCY = ""
PROVIDES += "\
    binutils-cross-aarch64 bmaptool-native cpio-native cryptsetup-native dtc-native mtd-utils-native openssl-native patch-native \
    patch-replacement-native pseudo-native python3-native quilt-native rauc-native squashfs-tools-native \
    u-boot-tools-native util-linux-native virtual/fakeroot-native xz-native zstd-native \
"

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install() {
    install -d ${D}${bindir}
    for tool in bmaptool cpio dtc fdtoverlay mksquashfs openssl rauc sfdisk ubinize veritysetup xz zstd; do
        ln -s $(PATH=/usr/bin:/usr/sbin:/bin:/sbin command -v $tool) ${D}${bindir}/$tool
    done
    ln -s /usr/bin/mkimage ${D}${bindir}/uboot-mkimage
    ln -s /usr/bin/python3 ${D}${bindir}/nativepython3
}
