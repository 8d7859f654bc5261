# Recovery's process 1 uses these (boot/recovery/init). DESKTOP: od with -j and -N, for RAUC's handler on a Jetson.
FILESEXTRAPATHS:prepend:mouthpiece := "${THISDIR}/busybox:"
SRC_URI:append:mouthpiece = " file://recovery.cfg"
