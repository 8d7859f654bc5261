SUMMARY = "An archive in the place of an initramfs"
LICENSE = "CLOSED"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "cpio-native zstd-native"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile() {
    echo ${PN} > ${B}/init
    touch -d @${SOURCE_DATE_EPOCH} ${B}/init
    (cd ${B} && echo init | cpio --create --format=newc --reproducible --owner=+0:+0 --quiet) | zstd --quiet > ${WORKDIR}/cpio.zst
}
do_install[noexec] = "1"
do_image_complete() {
    install -d ${DEPLOY_DIR_IMAGE}
    install -m 0644 ${WORKDIR}/cpio.zst ${DEPLOY_DIR_IMAGE}/${PN}-${MACHINE}.cpio.zst
}
addtask image_complete after do_compile before do_build
