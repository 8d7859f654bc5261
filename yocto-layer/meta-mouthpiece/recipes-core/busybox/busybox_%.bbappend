# Recovery's process 1 uses these (boot/recovery/init).
FILESEXTRAPATHS:prepend:mouthpiece := "${THISDIR}/busybox:"
SRC_URI:append:mouthpiece = " file://recovery.cfg"
