require mouthpiece-kernel.inc

# What the virtual board simulates is wanted on its kernel only.
SRC_URI:append:mouthpiece:qemuarm64 = " file://virt-arm64.cfg"
