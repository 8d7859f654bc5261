# nooelint: oelint.var.suggestedvar.BUGTRACKER - nothing of its own is in it
SUMMARY = "All that a box needs above a system that boots"
DESCRIPTION = "The runtime, updates, the tools for its flash, and its name on the local network."
SECTION = "multimedia"

inherit packagegroup

RDEPENDS:${PN} = "\
    alsa-utils-alsactl \
    avahi-daemon \
    ca-certificates \
    e2fsprogs-e2fsck \
    kernel-modules \
    libubootenv-bin \
    mouthpiece-runtime \
    rauc \
    tzdata \
"
