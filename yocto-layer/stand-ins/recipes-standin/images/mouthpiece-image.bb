SUMMARY = "A small file system in the place of the root, with the real tree of hashes"
LICENSE = "CLOSED"

inherit image-artifact-names mouthpiece_verity nopackages

INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "cryptsetup-native squashfs-tools-native"
PACKAGE_ARCH = "${MACHINE_ARCH}"
IMAGE_NAME = "${PN}-${MACHINE}.rootfs"
IMAGE_LINK_NAME = "${IMAGE_NAME}"

do_configure[noexec] = "1"
do_compile[cleandirs] = "${B}"
do_compile() {
    cd ${B}
    if [ -n "${STAND_INS_PARTS}" ]; then
        cp "${STAND_INS_PARTS}/root.squashfs" ${IMAGE_NAME}.squashfs-zst
    else
        install -d root
        yes root | head -c 1000000 > root/file
        mksquashfs root ${IMAGE_NAME}.squashfs-zst -comp zstd -all-root -quiet -no-progress
    fi
    mouthpiece_verity ${IMAGE_NAME}.squashfs-zst
}
do_install[noexec] = "1"
do_image_complete() {
    install -d ${DEPLOY_DIR_IMAGE}
    install -m 0644 ${B}/${IMAGE_NAME}.squashfs-zst.verity ${B}/${IMAGE_NAME}.verity-parameters ${DEPLOY_DIR_IMAGE}/
}
addtask image_complete after do_compile before do_build
