# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "The NAND of a box: UBI with its volumes"
DESCRIPTION = "Written in the factory; the volumes are empty, and UBIFS makes its file systems in them at the first start."
SECTION = "bootloaders"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

MOUTHPIECE_FACTORY_KIND = "nand"

inherit mouthpiece_factory

DEPENDS += "mtd-utils-native"
