#!/bin/sh
# A boot loader's side of RAUC (handler "bootloader-custom-backend"), with U-Boot's way of counting: three tries a slot.
# The environment is a file. `boot` is what the boot loader itself does: choose a slot, count it down, say which.
environment=/var/lib/mouthpiece/boot-environment
order="A B" A=3 B=3
[ -f $environment ] && . $environment
left() { eval "echo \$$1"; }
keep() { echo "order=\"$order\" A=$A B=$B" > $environment.new; sync $environment.new; mv $environment.new $environment; }
first() { for slot in $order; do [ "$(left $slot)" -gt 0 ] && echo $slot && return; done; return 1; }
other() { [ "$1" = A ] && echo B || echo A; }
case $1 in
    boot) slot=$(first) && eval "$slot=$(($(left $slot) - 1))" && keep && echo $slot ;;
    get-primary) first ;;
    set-primary) order="$2 $(other $2)"; eval "$2=3"; keep ;;
    get-state) [ "$(left $2)" -gt 0 ] && echo good || echo bad ;;
    set-state) [ "$3" = good ] && eval "$2=3" || eval "$2=0"; keep ;;
    *) exit 1 ;;
esac
