# What NVIDIA's firmware does in other ways than U-Boot: choosing slots, starting recovery and saying why.
SRC_URI:append:tegra = " \
    file://rootfs-overlay${nonarch_libdir}/mouthpiece/recovery \
    file://rootfs-overlay${nonarch_libdir}/rauc/mouthpiece-nvbootctrl \
"

do_install:append:tegra() {
    install -m 0644 ${S}/boot/recovery/nvidia ${D}${sysconfdir}/mouthpiece/hardware
    install -D -m 0755 ${S}/rootfs-overlay${nonarch_libdir}/mouthpiece/recovery ${D}${nonarch_libdir}/mouthpiece/recovery
    # RAUC looks for it beside its configuration.
    install -m 0755 ${S}/rootfs-overlay${nonarch_libdir}/rauc/mouthpiece-nvbootctrl ${D}${sysconfdir}/rauc/
}

FILES:${PN}:append:tegra = " ${nonarch_libdir}/mouthpiece"

RDEPENDS:${PN}:append:tegra = " setup-nv-boot-control tegra-redundant-boot-base"
