require recipes-kernel/linux/mouthpiece-kernel.inc

FILESEXTRAPATHS:prepend:mouthpiece := "${THISDIR}/files:"
SRC_URI:append:mouthpiece = " file://jetson.cfg"
