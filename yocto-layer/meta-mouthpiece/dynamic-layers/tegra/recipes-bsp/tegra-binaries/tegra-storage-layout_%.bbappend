# The disk's partitions that NVIDIA's layout does not have: config and data; and what lies in recovery's two.
# nooelint: oelint.vars.noncoreoverride - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"

DEPENDS:append:mouthpiece = " python3-native"

SRC_URI:append:mouthpiece = " ${MOUTHPIECE_IMAGES_URI}"

# image_types_tegra.bbclass would drop the lines of NVIDIA's placeholders. With an empty recovery-dtb the firmware hands on
# a device tree at address 0 (L4TLauncher.c, ReadAndroidStyleDtbPartition): it gets that of the slots, by their placeholder.
do_compile:append:mouthpiece() {
    layout=$PWD/external-flash.xml
    for name in RECFILE RECDTB-FILE; do
        grep -q "<filename> $name </filename>" $layout || bbfatal "NVIDIA's layout has no $name"
    done
    sed -i -e "s,<filename> RECFILE <,<filename> recovery.img <," -e "s,<filename> RECDTB-FILE <,<filename> DTB_FILE <," $layout
    cd ${S}
    nativepython3 -B -m tools.images.nvidia --board ${MOUTHPIECE_BOARD} $layout
}
