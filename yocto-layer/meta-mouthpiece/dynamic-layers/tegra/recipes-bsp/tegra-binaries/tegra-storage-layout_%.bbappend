# The disk's partitions that NVIDIA's layout does not have: config and data.
# nooelint: oelint.vars.noncoreoverride - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"

DEPENDS:append:mouthpiece = " python3-native"

SRC_URI:append:mouthpiece = " ${MOUTHPIECE_IMAGES_URI}"

do_compile:append:mouthpiece() {
    layout=$PWD/external-flash.xml
    cd ${S}
    nativepython3 -B -m tools.images.nvidia --board ${MOUTHPIECE_BOARD} $layout
}
