FILESEXTRAPATHS:prepend:mouthpiece := "${THISDIR}/mouthpiece:"
