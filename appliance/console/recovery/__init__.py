"""The console in recovery mode: what can be done for a box whose systems do not start, with what still works of it.

It runs in the recovery system (boot/recovery), from memory, on a Python with Flask and waitress and little else, and
needs none of the box's volumes: each may be absent, damaged or worn out. Two faces, the same functions behind both:
`web` for a browser, `menu` for the serial console.

    layout      what the board should have: /etc/mouthpiece/board.json
    devices     what of that is there
    flash disk order
                the volumes: how each is, repairing it, making it anew
    volumes     all of them by name
    happened    why recovery runs, and what the box said last
    bundles     installing a system with RAUC
    sticks      what is plugged in: a place for backups, a source of bundles
    presence    who stands before the box: the code on the serial console, the button
    reset       a new password
    box         all of the above, as one thing
"""
