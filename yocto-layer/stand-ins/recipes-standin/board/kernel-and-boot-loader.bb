SUMMARY = "Files in the place of the kernel, its device tree and the boot loader"
LICENSE = "CLOSED"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "dtc-native"
PROVIDES = "virtual/kernel virtual/bootloader"
PACKAGE_ARCH = "${MACHINE_ARCH}"
SRC_URI = "file://rk3588-rock-5b.dts"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile() {
    if [ -n "${STAND_INS_PARTS}" ]; then
        cp "${STAND_INS_PARTS}/Image" ${B}/Image
    else
        yes kernel | head -c 3000000 > ${B}/Image
    fi
    yes u-boot-spi | head -c 1500000 > ${B}/u-boot-spi.bin
    yes u-boot | head -c 9500000 > ${B}/u-boot.bin
    dtc -q -I dts -O dtb -o ${B}/tree.dtb ${S}/rk3588-rock-5b.dts
}
do_install[noexec] = "1"
do_deploy() {
    install -m 0644 ${B}/Image ${DEPLOYDIR}/Image
}
do_deploy:append:rock-5b() {
    install -m 0644 ${B}/tree.dtb ${DEPLOYDIR}/rk3588-rock-5b.dtb
    install -m 0644 ${B}/u-boot.bin ${DEPLOYDIR}/u-boot-rockchip-${MACHINE}.bin
    install -m 0644 ${B}/u-boot-spi.bin ${DEPLOYDIR}/u-boot-rockchip-spi-${MACHINE}.bin
}
addtask deploy after do_compile before do_build
