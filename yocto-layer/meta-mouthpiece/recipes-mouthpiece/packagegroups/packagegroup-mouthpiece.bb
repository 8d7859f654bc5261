# nooelint: oelint.var.suggestedvar.BUGTRACKER - nothing of its own is in it
SUMMARY = "All that a box needs above a system that boots"
DESCRIPTION = "The runtime, updates, the tools for its flash, and its name on the local network."
SECTION = "multimedia"

# As the runtime is.
COMPATIBLE_HOST = "aarch64.*-linux"
PACKAGE_ARCH = "${MACHINE_ARCH}"
# Whoever has not accepted PyAV's licence builds the world without this.
EXCLUDE_FROM_WORLD = "${@bb.utils.contains_any('LICENSE_FLAGS_ACCEPTED', 'commercial commercial_python3-av', '0', '1', d)}"

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
