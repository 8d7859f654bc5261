# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER,oelint.var.suggestedvar.CVE_PRODUCT - they are the repository's that this lies in
SUMMARY = "The recovery system: console and text menu for a box that does not start"
DESCRIPTION = "Process 1 of recovery's initramfs and what it runs, with what it must know of the board."
SECTION = "base"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# nooelint: oelint.vars.fileextrapaths - the sources lie around the layer
FILESEXTRAPATHS:prepend := "${MOUTHPIECE_SOURCE}:"
SRC_URI = "\
    file://LICENSE \
    file://appliance \
    file://boot/boards \
    file://boot/generated \
    file://boot/recovery \
    file://tools/__init__.py \
    file://tools/boards \
    file://tools/recovery_image \
    file://tools/virtual_board \
"
S = "${UNPACKDIR}"
B = "${WORKDIR}/build"

inherit mouthpiece_board python3-dir python3native

PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[cleandirs] = "${B}"
do_compile() {
    cd ${S}
    nativepython3 -B - ${MOUTHPIECE_BOARD} > ${B}/board.json <<'END'
import json, pathlib, sys
from tools.boards import source
from tools.recovery_image import contents
board = source.read(pathlib.Path(f"boot/boards/{sys.argv[1]}.toml"))[0]
print(json.dumps(contents.layout(sys.argv[1], board), indent=1))
END
}

do_install[file-checksums] += "${@mouthpiece_keys(d, 'keyring.pem')}"
do_install() {
    mouthpiece_need_keys keyring.pem
    install -D -m 0755 ${S}/boot/recovery/init ${D}/init
    sed -i 's/python3\.11/python3/' ${D}/init
    install -d ${D}${sysconfdir}/mouthpiece ${D}${sysconfdir}/rauc ${D}${PYTHON_SITEPACKAGES_DIR}/appliance ${D}/dev ${D}/proc ${D}/sys
    install -m 0755 ${S}/boot/recovery/address ${D}${sysconfdir}/mouthpiece/
    install -m 0644 ${S}/boot/recovery/bus.conf ${B}/board.json ${D}${sysconfdir}/mouthpiece/
    # RAUC's own notes lie on the disk, which may be dead.
    sed 's#^data-directory=.*#data-directory=/run/rauc/data#' ${S}/boot/generated/${MOUTHPIECE_BOARD}/system.conf > ${D}${sysconfdir}/rauc/system.conf
    install -m 0644 ${MOUTHPIECE_KEYS}/keyring.pem ${D}${sysconfdir}/rauc/
    if [ -e ${S}/boot/generated/${MOUTHPIECE_BOARD}/fw_env.config ]; then
        install -m 0644 ${S}/boot/generated/${MOUTHPIECE_BOARD}/fw_env.config ${D}${sysconfdir}/
    fi

    install -m 0644 ${S}/appliance/*.py ${D}${PYTHON_SITEPACKAGES_DIR}/appliance/
    for room in console jobs storage update; do
        cp -R --no-dereference --preserve=mode ${S}/appliance/$room ${D}${PYTHON_SITEPACKAGES_DIR}/appliance/
    done
    find ${D}${PYTHON_SITEPACKAGES_DIR} -name __pycache__ -prune -exec rm -rf {} +
}

FILES:${PN} += "/dev /init /proc /sys ${PYTHON_SITEPACKAGES_DIR}"

RDEPENDS:${PN} = "\
    busybox \
    dbus \
    e2fsprogs-e2fsck \
    e2fsprogs-mke2fs \
    libubootenv-bin \
    mtd-utils-ubifs \
    python3-argon2-cffi \
    python3-asyncio \
    python3-compression \
    python3-cryptography \
    python3-ctypes \
    python3-datetime \
    python3-fcntl \
    python3-flask \
    python3-io \
    python3-jeepney \
    python3-json \
    python3-logging \
    python3-math \
    python3-mmap \
    python3-netclient \
    python3-netserver \
    python3-numbers \
    python3-resource \
    python3-sqlite3 \
    python3-threading \
    python3-waitress \
    python3-zstandard \
    rauc \
    util-linux-blkid \
    util-linux-sfdisk \
"
