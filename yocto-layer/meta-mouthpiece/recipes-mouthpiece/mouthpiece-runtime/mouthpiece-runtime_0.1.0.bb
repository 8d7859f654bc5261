# nooelint: oelint.var.mandatoryvar.HOMEPAGE,oelint.var.suggestedvar.BUGTRACKER - they are the repository's that this lies in
SUMMARY = "Turns speech and a face into a lip-synced talking video"
DESCRIPTION = "The runtime of the box: supervisor, worker, recorder and web console, with their units."
SECTION = "multimedia"
CVE_PRODUCT = "mouthpiece"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# What is built is what lies around this layer: the layer's commit pins the runtime's. Tests are not part of it.
# nooelint: oelint.vars.fileextrapaths - the sources lie around the layer, not beside the recipe
FILESEXTRAPATHS:prepend := "${THISDIR}/../../../..:"
SRC_URI = "\
    file://LICENSE \
    file://README.md \
    file://appliance \
    file://boot/generated/${MOUTHPIECE_BOARD}/ubinize.cfg \
    file://pyproject.toml \
    file://rootfs-overlay \
"
S = "${UNPACKDIR}"

inherit mouthpiece_board python_setuptools_build_meta systemd useradd

COMPATIBLE_HOST = "aarch64.*-linux"
# Whoever has not accepted PyAV's licence builds the world without this.
EXCLUDE_FROM_WORLD = "${@bb.utils.contains_any('LICENSE_FLAGS_ACCEPTED', 'commercial commercial_python3-av', '0', '1', d)}"
# The sizes of the NAND's volumes are the board's.
PACKAGE_ARCH = "${MACHINE_ARCH}"

# A checkout in use carries the compiled files and the fetched models of its own virtual environment.
do_configure:prepend() {
    find ${S}/appliance -name __pycache__ -prune -exec rm -rf {} +
    rm -f ${S}/appliance/pipeline/models/*.tflite
}

do_install:append() {
    install -d ${D}${nonarch_libdir}
    cp -R --no-dereference --preserve=mode ${S}/rootfs-overlay${nonarch_libdir}/. ${D}${nonarch_libdir}/
    install -d ${D}${sysconfdir}
    cp -R --no-dereference --preserve=mode ${S}/rootfs-overlay${sysconfdir}/dbus-1 ${S}/rootfs-overlay${sysconfdir}/issue.d ${D}${sysconfdir}/
    install -m 0644 ${S}/boot/generated/${MOUTHPIECE_BOARD}/ubinize.cfg ${D}${nonarch_libdir}/mouthpiece/
    # The overlay's preset disables what it does not name; this image announces the box's name as well, and shows its
    # address on a screen (issue.d).
    printf 'enable avahi-daemon.service\nenable getty@.service\n' > ${D}${nonarch_libdir}/systemd/system-preset/05-mouthpiece-image.preset
}

SYSTEMD_SERVICE:${PN} = "\
    mouthpiece-dead-man.timer \
    mouthpiece-disk-life.service \
    mouthpiece-disk-life.timer \
    mouthpiece-first-start.service \
    mouthpiece-power-fail.service \
    mouthpiece-reboot.path \
    mouthpiece-volumes.service \
    mouthpiece.service \
"

# The root is read-only: the account is made now, not by systemd-sysusers at the first start.
USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --user-group --home-dir ${localstatedir}/lib/mouthpiece --no-create-home --shell ${base_sbindir}/nologin mouthpiece"

FILES:${PN} += "${nonarch_libdir}"

RDEPENDS:${PN} += "\
    diffutils \
    e2fsprogs-mke2fs \
    mouthpiece-face-models \
    mtd-utils \
    mtd-utils-ubifs \
    python3-apiflask \
    python3-argon2-cffi \
    python3-asyncio \
    python3-audio \
    python3-av \
    python3-click \
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
    python3-multiprocessing \
    python3-netclient \
    python3-netserver \
    python3-numbers \
    python3-numpy \
    python3-onnxruntime \
    python3-opencv \
    python3-pillow \
    python3-prometheus-client \
    python3-psutil \
    python3-pyudev \
    python3-resource \
    python3-sqlite3 \
    python3-statistics \
    python3-threading \
    python3-waitress \
    python3-zoneinfo \
    python3-zstandard \
    util-linux-mount \
    util-linux-mountpoint \
"
