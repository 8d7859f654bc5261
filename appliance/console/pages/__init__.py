"""What people see: server-rendered pages, a file for each place. They work before any script runs.

A form is posted to the page that shows it, with the field `do` naming what to do and a `csrf_token`; the answer is a
redirect (303) to what there is to see next, or the page again with what is wrong. Scripts in `static/js` improve on it.
"""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Add every page, and what their templates use."""
    from appliance.console.pages import frame
    from appliance.console.pages.avatars import pages as avatars
    from appliance.console.pages.entrance import pages as entrance
    from appliance.console.pages.jobs import pages as jobs
    from appliance.console.pages.kiosk import pages as kiosk
    from appliance.console.pages.logs import pages as logs
    from appliance.console.pages.new import pages as new
    from appliance.console.pages.overview import pages as overview
    from appliance.console.pages.storage import pages as storage
    from appliance.console.pages.system import pages as system
    from appliance.console.pages.updates import pages as updates

    frame.install(app)
    for place in (entrance, overview, new, jobs, avatars, logs, storage, updates, system, kiosk):
        app.register_blueprint(place)
