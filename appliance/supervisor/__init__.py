"""Starting, watching and healing the box's processes.

Today only the health checks exist (`appliance.supervisor.health`). The process tree, the watchdog and the control
groups will live here too. Imports storage and the ground floor, never what the processes do.
"""
