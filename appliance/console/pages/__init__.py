"""What people see: server-rendered pages, a file for each place. They work before any script runs.

A form is posted to the page that shows it, with the field `do` naming what to do and a `csrf_token`; the answer is a
redirect (303) to what there is to see next, or the page again with what is wrong. Scripts in `static/js` improve on it.
"""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Add every page, and what their templates use."""
    from appliance.console.pages import avatars, entrance, frame, jobs, kiosk, logs, new, overview, system

    frame.install(app)
    for place in (entrance, overview, new, jobs, avatars, logs, system, kiosk):
        app.register_blueprint(place.pages)
