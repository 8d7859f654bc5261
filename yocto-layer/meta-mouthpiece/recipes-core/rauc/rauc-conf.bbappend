# The slots of the board, as `make boards` writes them, and the authority whose updates the box takes.
FILESEXTRAPATHS:prepend:mouthpiece := "${MOUTHPIECE_SOURCE}/boot/generated/${MOUTHPIECE_BOARD}:"

RAUC_KEYRING_FILE:mouthpiece = "keyring.pem"
RAUC_KEYRING_URI:mouthpiece = ""

do_install[file-checksums] += "${@mouthpiece_keys(d, 'keyring.pem') if d.getVar('DISTRO') == 'mouthpiece' else ''}"
do_install:prepend:mouthpiece() {
    mouthpiece_need_keys keyring.pem
    install -m 0644 ${MOUTHPIECE_KEYS}/keyring.pem ${UNPACKDIR}/keyring.pem
}
PACKAGE_ARCH:mouthpiece = "${MACHINE_ARCH}"
