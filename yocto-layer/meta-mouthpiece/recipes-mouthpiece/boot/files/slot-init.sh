#!/bin/sh
# Process 1 of a slot's initramfs. U-Boot names the slot (rauc.slot=A|B); the hash of its root file system came signed
# with this initramfs. Whatever fails starts the box again: U-Boot has counted the attempt already.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

again() {
    echo "mouthpiece: the slot's root file system cannot be opened; starting again" > /dev/kmsg || true
    sleep 3
    reboot -f
}
trap again EXIT

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

. /etc/mouthpiece-verity
case " $(cat /proc/cmdline) " in
    *" rauc.slot=A "*) name=root-a ;;
    *" rauc.slot=B "*) name=root-b ;;
    *) exit 1 ;;
esac

# The disk may be slower than this; U-Boot's watchdog, which nothing feeds yet, would end a longer wait.
device=
for _ in $(seq 100); do
    for event in /sys/class/block/*/uevent; do
        if grep -qx "PARTNAME=$name" "$event"; then
            device=/dev/$(sed -n 's/^DEVNAME=//p' "$event")
        fi
    done
    [ -z "$device" ] || break
    sleep 0.2
done

veritysetup open --restart-on-corruption --hash-offset="$VERITY_OFFSET" "$device" root "$device" "$VERITY_ROOT_HASH"
mount -o ro /dev/mapper/root /root
umount /proc /sys
mount --move /dev /root/dev
trap - EXIT
exec switch_root /root /sbin/init
