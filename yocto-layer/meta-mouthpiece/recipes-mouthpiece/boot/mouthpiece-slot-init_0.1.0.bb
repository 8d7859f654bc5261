# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "Process 1 of a slot's initramfs"
DESCRIPTION = "Opens the root file system of the slot that U-Boot chose, every block of it checked, and hands over to it."
SECTION = "base"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext - the licence lies around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"
SRC_URI = "\
    file://LICENSE \
    file://slot-init.sh \
"
S = "${UNPACKDIR}"

inherit allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/slot-init.sh ${D}/init
    install -d ${D}/dev ${D}/proc ${D}/root ${D}/sys
}

FILES:${PN} += "/dev /init /proc /root /sys"

RDEPENDS:${PN} = "busybox cryptsetup"
