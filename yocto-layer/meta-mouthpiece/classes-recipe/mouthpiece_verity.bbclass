# The image type "verity": a file system with a tree of hashes behind it, whose every block dm-verity checks when it is read.
#
#   IMAGE_CLASSES += "mouthpiece_verity"
#   IMAGE_FSTYPES = "squashfs-zst.verity"
#
# Beside the image, IMAGE_LINK_NAME.verity-parameters tells what opens it, as shell variables: VERITY_ROOT_HASH, which is
# all that has to be trusted, and VERITY_OFFSET, where the tree begins. Salt and number follow from the content.

CONVERSIONTYPES:append = " verity"
CONVERSION_CMD:verity = "mouthpiece_verity ${IMAGE_NAME}.${type}"
CONVERSION_DEPENDS_verity = "cryptsetup-native"

# nooelint: oelint.task.docstrings - not a task
mouthpiece_verity() {
    cp $1 $1.verity
    truncate --size=%4096 $1.verity
    size=$(stat -c %s $1.verity)
    digest=$(sha256sum $1 | cut -d ' ' -f 1)
    number=$(echo $digest | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-5\3-8\4-\5/')
    root=$(veritysetup format --hash-offset=$size --salt=$digest --uuid=$number $1.verity $1.verity | sed -n 's/^Root hash:[[:space:]]*//p')
    [ -n "$root" ] || bbfatal "veritysetup gave no root hash"
    printf 'VERITY_ROOT_HASH=%s\nVERITY_OFFSET=%s\n' "$root" "$size" > ${IMAGE_LINK_NAME}.verity-parameters
}
