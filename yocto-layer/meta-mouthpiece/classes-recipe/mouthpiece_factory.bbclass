# What a board is written with in the factory, made by `python -m tools.images` from its description in boot/boards.
#
#   MOUTHPIECE_FACTORY_KIND        nor, nand or disk
#   MOUTHPIECE_FACTORY_CONTENTS    PARTITION=FILE …; files of DEPLOY_DIR_IMAGE
#
# Deploys ${PN}-${MACHINE}.img.

MOUTHPIECE_FACTORY_CONTENTS ??= ""

inherit mouthpiece_board deploy nopackages python3native

# Built explicitly, as the images in it are.
EXCLUDE_FROM_WORLD = "1"
INHIBIT_DEFAULT_DEPS = "1"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"
SRC_URI = "file://LICENSE ${MOUTHPIECE_IMAGES_URI}"
S = "${UNPACKDIR}"
B = "${WORKDIR}/build"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_install[noexec] = "1"

do_compile[cleandirs] = "${B}"
do_compile() {
    set --
    for content in ${MOUTHPIECE_FACTORY_CONTENTS}; do
        set -- "$@" "${content%%=*}=${DEPLOY_DIR_IMAGE}/${content#*=}"
    done
    cd ${S}
    nativepython3 -B -m tools.images ${MOUTHPIECE_FACTORY_KIND} --board ${MOUTHPIECE_BOARD} --out ${B}/${PN}.img "$@"
}

do_deploy() {
    install -d ${DEPLOYDIR}
    cp --sparse=always ${B}/${PN}.img ${DEPLOYDIR}/${PN}-${MACHINE}.img
}
addtask deploy after do_compile before do_build
