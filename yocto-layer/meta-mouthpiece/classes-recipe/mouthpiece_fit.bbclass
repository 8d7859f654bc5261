# A signed FIT of kernel, device tree and initramfs, as U-Boot's boot script starts it: boot/uboot/image.its.in.
#
# The device tree is the kernel's, QEMU's on the virtual board, with the overlays that `make boards` writes: the partitions
# of the NOR, and the SPI NAND of a carrier board where MOUTHPIECE_SPI_NAND is "1".
#
#   MOUTHPIECE_FIT_INITRAMFS      the image recipe that is packed
#   MOUTHPIECE_FIT_ARCHIVE        in which of its types
#   MOUTHPIECE_FIT_COMPRESSION    "none" starts sooner, "lzma" is for the NOR
#   MOUTHPIECE_FIT_KERNEL         where U-Boot lays the kernel: boot/uboot/BOARD.env keeps the FIT away from there
#   MOUTHPIECE_FIT_LIMIT          bytes that it may have: those of the disk's partition for it
#   MOUTHPIECE_FIT_TREE           the device tree's file in DEPLOY_DIR_IMAGE
#
# Deploys ${PN}-${MACHINE}.fit. A recipe may add files to the archive "initramfs" in B before it is packed (another cpio
# archive behind the first one).

MOUTHPIECE_FIT_ARCHIVE ?= "cpio.zst"
MOUTHPIECE_FIT_COMPRESSION ?= "none"
MOUTHPIECE_FIT_KERNEL ?= "0x2000000"
MOUTHPIECE_FIT_KERNEL:qemuarm64 ?= "0x42000000"
MOUTHPIECE_FIT_LIMIT ?= "0x4000000"
MOUTHPIECE_FIT_TREE ?= "${@os.path.basename(d.getVar('KERNEL_DEVICETREE') or '')}"
MOUTHPIECE_FIT_TREE:qemuarm64 ?= "machine.dtb"
MOUTHPIECE_SPI_NAND ??= "0"

inherit mouthpiece_board deploy nopackages

COMPATIBLE_MACHINE = "^(rock-5b|qemuarm64)$"
# Built explicitly, as the images in it are.
EXCLUDE_FROM_WORLD = "1"
INHIBIT_DEFAULT_DEPS = "1"
DEPENDS += "dtc-native openssl-native u-boot-tools-native xz-native"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}/boot/uboot:${MOUTHPIECE_SOURCE}/boot:"
SRC_URI = "file://image.its.in file://generated/${MOUTHPIECE_BOARD}"
S = "${UNPACKDIR}"
B = "${WORKDIR}/build"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_install[noexec] = "1"

do_compile[cleandirs] = "${B}"
do_compile[depends] += "virtual/kernel:do_deploy ${MOUTHPIECE_FIT_INITRAMFS}:do_image_complete"
do_compile[depends] += "${@bb.utils.contains('MACHINE', 'qemuarm64', 'virtual-board-firmware:do_deploy', '', d)}"
do_compile[file-checksums] += "${@mouthpiece_keys(d, 'mouthpiece.key mouthpiece.crt')}"

# nooelint: oelint.task.docstrings - not a task
mouthpiece_fit_initramfs() {
    cp ${DEPLOY_DIR_IMAGE}/${MOUTHPIECE_FIT_INITRAMFS}-${MACHINE}.${MOUTHPIECE_FIT_ARCHIVE} ${B}/initramfs
}

do_compile() {
    mouthpiece_fit_initramfs
    mouthpiece_need_keys mouthpiece.key mouthpiece.crt
    overlays=nor
    [ "${MOUTHPIECE_SPI_NAND}" = 0 ] || overlays="nor nand"
    tree=${DEPLOY_DIR_IMAGE}/${MOUTHPIECE_FIT_TREE}
    for overlay in $overlays; do
        dtc -q -I dts -O dtb -o ${B}/$overlay.dtbo ${S}/generated/${MOUTHPIECE_BOARD}/$overlay.dtso
        fdtoverlay -i $tree -o ${B}/with-$overlay.dtb ${B}/$overlay.dtbo
        tree=${B}/with-$overlay.dtb
    done
    kernel=${DEPLOY_DIR_IMAGE}/Image
    if [ ${MOUTHPIECE_FIT_COMPRESSION} = lzma ]; then
        xz --format=lzma --stdout $kernel > ${B}/kernel.lzma
        kernel=${B}/kernel.lzma
    fi
    sed -e "s#@DESCRIPTION@#${SUMMARY}#" \
        -e "s#@KERNEL@#$kernel#" \
        -e "s#@COMPRESSION@#${MOUTHPIECE_FIT_COMPRESSION}#" \
        -e "s#@KERNEL_ADDRESS@#${MOUTHPIECE_FIT_KERNEL}#" \
        -e "s#@FDT@#$tree#" \
        -e "s#@INITRAMFS@#${B}/initramfs#" \
        ${S}/image.its.in > ${B}/image.its
    uboot-mkimage -f ${B}/image.its -k ${MOUTHPIECE_KEYS} -r ${B}/image.fit
    size=$(stat -c %s ${B}/image.fit)
    [ $size -le $(printf %d ${MOUTHPIECE_FIT_LIMIT}) ] || bbfatal "${PN} has $size bytes, and ${MOUTHPIECE_FIT_LIMIT} is all that there is room for"
}

do_deploy() {
    install -m 0644 ${B}/image.fit ${DEPLOYDIR}/${PN}-${MACHINE}.fit
}
addtask deploy after do_compile before do_build
