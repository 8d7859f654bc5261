#!/bin/sh
# Gives nand/state and nand/cache their place: the volumes of the SPI NAND where the board has one, or else folders of the
# data partition. A NAND that is there and cannot be mounted is an error: recovery repairs it, nothing is put elsewhere.
set -eu

box=/var/lib/mouthpiece
chip=/dev/mtd/by-name/ubi

udevadm settle --timeout=30
if [ -e "$chip" ]; then
    [ -e /dev/ubi0 ] || ubiattach --dev-path "$chip" --devn 0
    mountpoint -q "$box/nand/state" || mount -t ubifs -o compr=zstd ubi0:state "$box/nand/state"
    mountpoint -q "$box/nand/cache" || mount -t ubifs -o compr=none ubi0:cache "$box/nand/cache"
else
    for volume in state cache; do
        mkdir -p "$box/data/.nand/$volume"
        mountpoint -q "$box/nand/$volume" || mount --bind "$box/data/.nand/$volume" "$box/nand/$volume"
    done
fi
chown mouthpiece:mouthpiece "$box/nand/state" "$box/nand/cache" "$box/data"
