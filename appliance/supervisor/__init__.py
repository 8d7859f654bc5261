"""Starting, watching and healing the box's processes.

    supervisor   the whole; one asyncio event loop
    plan, spec   what it is given         lock       one supervisor on the same volumes
    tree         the children together    child      one child's life: states, deadlines, restarts
    process      one running process      launch     what it runs first, so that it cannot outlive the supervisor
    backoff      when to start again      states     latest values of what people watch
    journal      the single log writer    control    the socket, and `verbs` what may be asked there
    notify       systemd                  cgroups    control groups, version 2
    power        the power-fail signal    boot       how the last run ended
    health/      checks and fix-ups       pulse, threads   two small tools of the event loop

Nothing on the loop waits for a disk: log, health checks and fix-ups have threads of their own. Imports storage and the
ground floor, never what the processes do; `appliance.commands.run` brings them together.
"""
