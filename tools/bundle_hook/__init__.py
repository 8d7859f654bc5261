"""The hook with which a bundle renews a board's firmware: a program that RAUC runs from the bundle itself.

    python -m tools.bundle_hook.pack FILE    write it: one file that Python runs, with all it needs in it

It comes in the bundle and not with the system, so that what writes the firmware fits the firmware that is written. RAUC
runs it as root, in a slot and in recovery alike:

    hook install-check    before anything is touched: whether the bundle is for this board and its firmware fits
    hook slot-install     to write it; the slot `firmware` is of type raw (`rockchip`) or vfat (`capsule`)

A bundle with an install-check takes over RAUC's own comparison of `compatible`, so the hook does that, too. What
RAUC does not pass on of a hook that fails while it writes lies in `REASON`, for `appliance.update.rauc`.
"""
