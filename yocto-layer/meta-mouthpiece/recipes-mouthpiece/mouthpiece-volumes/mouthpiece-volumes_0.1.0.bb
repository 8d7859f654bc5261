# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Mounts the volumes of the NAND, or what stands in for them"
DESCRIPTION = "The SPI NAND is an option on a carrier board: without it, its volumes are folders of the data partition."
SECTION = "base"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - the licence lies around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"
SRC_URI = "\
    file://LICENSE \
    file://mouthpiece-volumes.service \
    file://mouthpiece-volumes.sh \
"
S = "${UNPACKDIR}"

inherit allarch features_check systemd

REQUIRED_DISTRO_FEATURES = "systemd"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/mouthpiece-volumes.sh ${D}${libexecdir}/mouthpiece-volumes
    install -D -m 0644 ${S}/mouthpiece-volumes.service ${D}${systemd_system_unitdir}/mouthpiece-volumes.service
}

SYSTEMD_SERVICE:${PN} = "mouthpiece-volumes.service"

RDEPENDS:${PN} = "mtd-utils-ubifs util-linux-mount util-linux-mountpoint"
