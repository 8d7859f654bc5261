# The board that is built for, and who signs for it.
#
#   MOUTHPIECE_BOARD    its description, boot/boards/NAME.toml, from which boot/generated/NAME is written
#   MOUTHPIECE_KEYS     a folder outside of every repository, with
#                         mouthpiece.key, mouthpiece.crt      RSA 3072; they sign what U-Boot starts
#                         bundle.key.pem, bundle.cert.pem     they sign updates
#                         keyring.pem                         the authority whose updates a box takes
#   MOUTHPIECE_IMAGES_URI
#                       for SRC_URI: what of the repository `python -m tools.images` needs
#
# A task that needs keys says which, so that it runs again when they change, and fails with words when they are missing:
#
#   do_compile[file-checksums] += "${@mouthpiece_keys(d, 'mouthpiece.key mouthpiece.crt')}"
#   do_compile:prepend() { mouthpiece_need_keys mouthpiece.key mouthpiece.crt; }
#
# The distribution inherits it for all recipes, since appends need it; recipes of this layer inherit it themselves and so
# can be read without the distribution.

MOUTHPIECE_BOARD ??= "${MACHINE}"
MOUTHPIECE_BOARD:qemuarm64 ??= "virt-arm64"
MOUTHPIECE_BOARD:jetson-orin-nano-devkit-nvme ??= "jetson-orin-nano"
MOUTHPIECE_KEYS ??= "${TOPDIR}/keys"
MOUTHPIECE_IMAGES_URI = "\
    file://appliance/__init__.py \
    file://appliance/errors.py \
    file://appliance/findings.py \
    file://appliance/pipeline/models/base.int8.onnx \
    file://appliance/storage/__init__.py \
    file://appliance/storage/nor_model.py \
    file://appliance/volumes.py \
    file://boot/boards \
    file://tools/__init__.py \
    file://tools/boards \
    file://tools/images \
"

def mouthpiece_keys(d, names):
    import os
    paths = [os.path.join(d.getVar("MOUTHPIECE_KEYS"), name) for name in names.split()]
    return " ".join(f"{path}:{os.path.exists(path)}" for path in paths)

# nooelint: oelint.task.docstrings - not a task
mouthpiece_need_keys() {
    for name in "$@"; do
        [ -e "${MOUTHPIECE_KEYS}/$name" ] || bbfatal "${MOUTHPIECE_KEYS} has no $name: docs/YOCTO.md shows how to make the keys, MOUTHPIECE_KEYS says where they are"
    done
}
