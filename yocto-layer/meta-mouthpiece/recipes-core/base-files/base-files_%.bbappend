FILESEXTRAPATHS:prepend:mouthpiece := "${THISDIR}/mouthpiece:"

# A Jetson's NOR is not ours: the configuration is a file on a partition of the disk, made at the first start.
do_install:append:mouthpiece:tegra() {
    options=noatime,nodev,nosuid,noexec,errors=remount-ro,nofail,x-systemd.makefs,x-systemd.after=var-volatile-lib.service,x-systemd.before=systemd-tmpfiles-setup.service,x-systemd.device-timeout=30s
    echo "/dev/disk/by-partlabel/config ${localstatedir}/lib/mouthpiece/nor/config ext4 $options 0 2" >> ${D}${sysconfdir}/fstab
}
