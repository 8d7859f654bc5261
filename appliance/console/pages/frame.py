"""What every page has: language, appearance, the places to go, notices, and how values are written.

Filters of templates: `clock` (seconds as 1:02), `size` (bytes), `when` (a moment in the past), `moment` (date and time
to the second), `iso`, `plain` (a number without needless zeros), `capital` (first letter large),
`sentence` (the same with a full stop).
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import Any

from flask import Flask, flash, request, url_for
from markupsafe import Markup, escape

from appliance.console import i18n
from appliance.console.box import the_box
from appliance.console.i18n import _, _n
from appliance.console.pages import words
from appliance.errors import ApplianceError

THEME = "theme"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Place:
    href: str
    icon: str
    name: str
    current: bool


def places() -> list[Place]:
    """Where one can go, in the order of the navigation."""
    found = (
        ("/", "overview", _("Overview")),
        ("/new", "new", _("New")),
        ("/jobs", "jobs", _("Jobs")),
        ("/avatars", "avatars", _("Avatars")),
        ("/logs", "logs", _("Logs")),
        ("/storage", "storage", _("Storage")),
        ("/updates", "updates", _("Updates")),
        ("/system", "system", _("System")),
    )
    here = request.path
    return [
        Place(href, icon, name, here == href or (here.startswith(href.rstrip("/") + "/") and href != "/"))
        for href, icon, name in found
    ]


def box_name() -> str:
    return str(the_box().configuration().get("name") or "Mouthpiece")


def zone() -> str:
    """The box's time zone."""
    return str(the_box().configuration().get("timezone") or "UTC")


def theme() -> str:
    kept = request.cookies.get(THEME, "")
    return kept if kept in THEMES else "auto"


def here() -> str:
    """This page, to come back to."""
    return request.full_path.rstrip("?") if request.method == "GET" else request.path


def tell(tone: str, message: str, hint: str = "") -> None:
    """Say something on the next page. `tone`: ok, info, warning or problem."""
    flash({"message": message, "hint": hint}, tone)  # type: ignore[arg-type]  # any JSON value will do


def tell_error(error: ApplianceError) -> None:
    tell("problem", sentence(i18n.said(error.message)), sentence(i18n.said(error.hint)))


def install(app: Flask) -> None:
    app.jinja_env.globals.update(
        _=_,
        _n=_n,
        said=i18n.said,
        joined=i18n.joined,
        language=i18n.language,
        languages=i18n.LANGUAGES,
        word=words.word,
        places=places,
        box_name=box_name,
        theme=theme,
        zone=zone,
        here=here,
        asset=lambda name: url_for("static", filename=name),
    )
    app.jinja_env.filters.update(
        clock=clock, size=size, when=when, moment=moment, iso=iso, plain=plain, sentence=sentence, capital=capital
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def clock(seconds: float | None) -> str:
    whole = int(seconds or 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def size(count: float | None) -> str:
    value = float(count or 0)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB" if value < 1000 else f"{value / 1000:.1f} TB"


def local(moment: float | dt.datetime) -> dt.datetime:
    """A moment in the box's time zone."""
    try:
        there: dt.tzinfo = zoneinfo.ZoneInfo(zone())
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        there = dt.UTC
    if isinstance(moment, dt.datetime):
        return moment.astimezone(there)
    return dt.datetime.fromtimestamp(moment, there)


def when(moment: float | None) -> Markup:
    """A moment in the past, the nearer the more exactly."""
    if not moment:
        return Markup("–")
    then, now = local(moment), dt.datetime.now(dt.UTC)
    passed = (now - then).total_seconds()
    if passed < 60:
        text = _("just now")
    elif passed < 3600:
        text = _n("a minute ago", "{n} minutes ago", int(passed // 60))
    elif then.date() == local(now).date():
        text = _("today, {time}", time=f"{then:%H:%M}")
    else:
        text = date(then) + f" {then:%H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        then.isoformat(timespec="seconds"), f"{then:%Y-%m-%d %H:%M:%S}", text
    )


def date(then: dt.date) -> str:
    """Day, month and year; the year only where it is another one."""
    months = _("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()
    if then.year != dt.datetime.now(dt.UTC).year:
        return _("{day} {month} {year}", day=then.day, month=months[then.month - 1], year=then.year)
    return _("{day} {month}", day=then.day, month=months[then.month - 1])


def moment(seconds: float) -> str:
    return f"{local(seconds):%m-%d %H:%M:%S}"


def iso(seconds: float) -> str:
    return local(seconds).isoformat(timespec="milliseconds")


def plain(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def capital(text: str) -> str:
    """With a large first letter, unless it begins with a name."""
    first = text.split(" ")[0].rstrip(",;:")
    return text[0].upper() + text[1:] if first.replace("-", "").isalpha() and first.isascii() and " " in text else text


def sentence(text: str) -> Markup:
    """A message of the box as a sentence; what stands in backquotes is code."""
    if not text:
        return Markup("")
    whole = capital(text)
    if whole[-1].isalnum() or whole[-1] in ")`'\"”’%":
        whole += "。" if any("一" <= letter <= "鿿" for letter in whole) else "."
    parts = whole.split("`")
    if len(parts) % 2 == 0:
        return escape(whole)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )
