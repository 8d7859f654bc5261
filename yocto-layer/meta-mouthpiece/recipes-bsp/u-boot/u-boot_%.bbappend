# The boot script and what it stands on (boot/uboot), and the key that everything must be signed with.
# nooelint: oelint.vars.noncoreoverride - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${THISDIR}/files:${MOUTHPIECE_SOURCE}/boot/uboot:${MOUTHPIECE_SOURCE}/boot:"

DEPENDS:append:mouthpiece:rock-5b = " dtc-native openssl-native u-boot-tools-native"

# Of the machines here only this one's control device tree is in U-Boot's source. The virtual board's comes from QEMU, and
# its U-Boot is built by tools/virtual_board.
SRC_URI:append:mouthpiece:rock-5b = " \
    file://common.cfg \
    file://generated/rock-5b/u-boot.cfg \
    file://generated/rock-5b/u-boot.env \
    file://key.cfg \
    file://mouthpiece.env \
    file://rock-5b.env \
"

# What may be set from flash: RAUC's variables, strings and numbers, and the wish for recovery. Quoted for shell and make.
EXTRA_OEMAKE:append:mouthpiece:rock-5b = " 'KCPPFLAGS=-DCFG_ENV_FLAGS_LIST_STATIC=\"BOOT_ORDER:sw,BOOT_A_LEFT:dw,BOOT_B_LEFT:dw,BOOT_RECOVERY:bw\"'"

do_configure[file-checksums] += "${@mouthpiece_keys(d, 'mouthpiece.key mouthpiece.crt') if d.getVar('DISTRO') == 'mouthpiece' else ''}"
do_configure:prepend:mouthpiece:rock-5b() {
    cat ${UNPACKDIR}/generated/rock-5b/u-boot.env ${UNPACKDIR}/rock-5b.env ${UNPACKDIR}/mouthpiece.env \
        > ${S}/board/radxa/rock5b-rk3588/mouthpiece.env

    # mkimage writes the public half into a device tree when it signs something, whatever that is.
    mouthpiece_need_keys mouthpiece.key mouthpiece.crt
    echo '/dts-v1/; / {};' | dtc -q -I dts -O dtb -p 4096 -o ${WORKDIR}/key.dtb -
    uboot-mkimage -f auto-conf -A arm64 -T kernel -C none -d /dev/null \
        -k ${MOUTHPIECE_KEYS} -g mouthpiece -o sha256,rsa3072 -K ${WORKDIR}/key.dtb -r ${WORKDIR}/signed.fit
    dtc -q -I dtb -O dts ${WORKDIR}/key.dtb | sed '/^\/dts-v1\//d' > ${S}/arch/arm/dts/mouthpiece-key.dtsi
}

# SPL, TF-A and U-Boot in one file, for the disk and for the SPI NOR.
do_deploy:append:mouthpiece:rock-5b() {
    install -m 0644 ${B}/u-boot-rockchip.bin ${DEPLOYDIR}/u-boot-rockchip-${MACHINE}.bin
    install -m 0644 ${B}/u-boot-rockchip-spi.bin ${DEPLOYDIR}/u-boot-rockchip-spi-${MACHINE}.bin
}
