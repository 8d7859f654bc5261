# Recovery goes into NVIDIA's flash package; the append of tegra-storage-layout names the file there.
# nooelint: oelint.vars.mispell.unknown - meta-tegra's
do_image_tegraflash_tar[depends] += "mouthpiece-recovery-initramfs:do_image_complete"

tegraflash_custom_pre:append:tegra() {
    cp ${DEPLOY_DIR_IMAGE}/mouthpiece-recovery-initramfs-${MACHINE}.cboot recovery.img
}
