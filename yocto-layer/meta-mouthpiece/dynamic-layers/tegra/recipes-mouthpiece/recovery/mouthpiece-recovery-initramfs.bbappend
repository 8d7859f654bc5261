# NVIDIA's firmware starts an Android boot image of kernel, initramfs and command line: meta-tegra's image type.
IMAGE_FSTYPES:tegra = "cpio.gz.cboot"
# Process 1 speaks on the console that is named last.
# nooelint: oelint.vars.mispell - meta-tegra's
KERNEL_ARGS:remove:tegra = "console=tty0"

# The disk's drivers are modules of meta-tegra's own initramfs too. The others need not be: where the kernel has one built
# in, there is no package of it. Process 1 loads all that are here.
PACKAGE_INSTALL:append:tegra = " \
    kernel-module-nvme \
    kernel-module-pcie-tegra194 \
    kernel-module-phy-tegra194-p2u \
    tegra-firmware-xusb \
"
PACKAGE_INSTALL_ATTEMPTONLY:append:tegra = " ${MACHINE_ESSENTIAL_EXTRA_RRECOMMENDS} ${DEVKIT_ETHERNET_RRECOMMENDS}"
