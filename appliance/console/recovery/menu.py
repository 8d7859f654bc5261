"""The text face, for the serial console: lines and numbers, no colours, nothing that a plain terminal lacks.

Whoever is at the serial console holds the box, so nobody logs in here. What takes longer shows its percentage.
"""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable
from typing import Final

from appliance.console import i18n
from appliance.console.pages.words import N
from appliance.console.recovery import happened, presence
from appliance.console.recovery.box import RecoveryBox, Work
from appliance.console.recovery.serve import Site
from appliance.errors import ApplianceError, InputError
from appliance.update.sealed import check_passphrase

_LINES: Final = 30
_KERNEL: Final = N("The kernel's last words")
_STATES: Final = {"ok": N("fine"), "warning": N("warning"), "problem": N("problem"), "off": N("not there")}


class Menu:
    def __init__(self, box: RecoveryBox, site: Site | None) -> None:
        """`site` is None where it could not be served."""
        self._box, self._site = box, site
        self._language = i18n.closest(str(box.configuration().get("settings", {}).get("language", ""))) or "en"
        self._places: list[tuple[str, Callable[[], None]]] = [
            (N("What happened"), self._happened),
            (N("Volumes"), self._volumes),
            (N("Install a system"), self._install),
            (N("Backup"), self._backup),
            (N("A new password"), self._password),
            (N("Reboot"), self._reboot),
        ]

    def run(self) -> None:
        """Until nobody can type any more: `EOFError`."""
        while True:
            self._greet()
            chosen = self._choose([*(self._(name) for name, _ in self._places), self._other_language()])
            try:
                if chosen is not None and chosen < len(self._places):
                    self._places[chosen][1]()
                elif chosen is not None:
                    languages = list(i18n.LANGUAGES)
                    self._language = languages[(languages.index(self._language) + 1) % len(languages)]
            except ApplianceError as error:
                self._say("", f"! {self._said(error.message)}", f"  {self._said(error.hint)}" if error.hint else "")
            except KeyboardInterrupt:
                self._say("")

    def _greet(self) -> None:
        code = presence.written(presence.code(self._box.volumes))
        self._say(
            "",
            f"== Mouthpiece · {self._(N('Recovery'))} · {self._box.layout.title}",
            self._(happened.REASONS[happened.reason()]),
            "",
            *self._ways_in(),
            f"{self._(N('Code'))}: {code}",
            "",
        )

    def _ways_in(self) -> list[str]:
        if self._site is None:
            return [self._(N("The pages for a browser cannot be served."))]
        addresses = self._site.addresses() or [self._(N("no network yet; choose nothing to look again"))]
        return [
            f"{self._(N('In a browser'))}: {'  '.join(addresses)}",
            f"{self._(N('Fingerprint'))}: {self._site.fingerprint}",
        ]

    def _happened(self) -> None:
        self._say("", f"-- {self._(N('Volumes'))}")
        self._list_volumes()
        slots = happened.slots()
        self._say("", f"-- {self._(N('Systems'))}")
        if slots.trouble:
            self._say(self._said(slots.trouble))
        for slot in slots.slots:
            state = self._(N("can boot")) if slot.boot_status == "good" else self._(N("cannot boot"))
            self._say(f"{slot.bootname}  {slot.version or self._(N('version unknown'))}  {state}")
        said = happened.said(self._box.volumes)
        self._say("", f"-- {self._(N('What the box said last'))}")
        if said.trouble:
            self._say(self._said(said.trouble))
        for record in said.records[:_LINES][::-1]:
            clock = time.strftime("%m-%d %H:%M:%S", time.gmtime(record.t))
            self._say(f"{clock} {record.level:8} {record.part}: {record.message}")
        if said.kernel:
            self._say("", f"-- {self._(_KERNEL)}", *said.kernel)

    def _list_volumes(self) -> None:
        for volume in self._box.parts.all:
            look = volume.look()
            self._say(f"{volume.name:8} {self._(_STATES[look.state])}: {self._said(look.message)}")

    def _volumes(self) -> None:
        self._box.parts.attach()
        self._say("")
        self._list_volumes()
        self._say("", self._(N("Which one?")))
        found = self._box.parts.all
        chosen = self._choose([f"{volume.name:8} {self._(volume.title)}" for volume in found])
        if chosen is None:
            return
        volume, look = found[chosen], found[chosen].look()
        ways: list[tuple[str, Callable[[], None]]] = []
        if look.can_repair:
            ways.append((N("Repair"), lambda: self._do("repair", volume.name, self._box.repair_work(volume.name))))
        if look.can_format:
            ways.append((N("Make it anew"), lambda: self._format(volume.name)))
        if not ways:
            raise InputError("nothing can be done to this volume", hint="what it lies on does not answer")
        self._say("", f"{self._(volume.title)}: {self._(volume.holds)}")
        way = self._choose([self._(name) for name, _ in ways])
        if way is not None:
            ways[way][1]()

    def _format(self, name: str) -> None:
        self._say("", f"{self._(N('This loses:'))} {self._(self._box.parts.named(name).loses)}")
        typed = self._ask(self._(N("Type {name} to confirm"), name=name))
        self._do("format", name, self._box.format_work(name, typed))

    def _install(self) -> None:
        found = self._box.sticks.bundles()
        if not found:
            raise InputError("no stick with a bundle is plugged in", hint="plug one in, or use the browser")
        chosen = self._choose([f"{file.name}  ({file.stick.label or file.stick.name})" for file in found])
        if chosen is not None:
            file = found[chosen]
            self._do("install", file.name, self._box.stick_work(file.stick.name, file.name))

    def _backup(self) -> None:
        found = self._box.sticks.all()
        if not found:
            raise InputError("no stick is plugged in", hint="plug one in and try again")
        chosen = self._choose([f"{stick.label or stick.name}  {stick.size / 1e9:.1f} GB" for stick in found])
        if chosen is None:
            return
        passphrase = self._ask_twice(self._(N("Passphrase")))
        check_passphrase(passphrase)
        stick = found[chosen]
        self._do("backup", stick.label or stick.name, self._box.backup_work(stick.name, passphrase))

    def _password(self) -> None:
        self._box.reset_password(self._ask_twice(self._(N("New password"))))
        self._say(self._(N("The new password is set. It counts from now on, here as in the box.")))

    def _reboot(self) -> None:
        if self._box.errands.is_busy():
            raise InputError("other work is not done yet", hint="wait until it is")
        self._box.reboot()

    def _do(self, kind: str, about: str, work: Work) -> None:
        last = -1

        def step(_stage: str, done: float, total: float) -> None:
            nonlocal last
            percent = int(100 * done / total) if total else 0
            if percent // 10 > last:
                last = percent // 10
                self._say(f"  {percent} %")

        self._say(self._(N("Leave the power on ...")))
        self._say(self._said(self._box.errands.do(kind, about, work, step)))

    def _choose(self, names: list[str]) -> int | None:
        """The place of what was chosen; None for nothing."""
        for number, name in enumerate(names, 1):
            self._say(f"  {number}  {name}")
        given = self._ask(self._(N("Number, or nothing to go back")))
        if given.isdecimal() and 1 <= int(given) <= len(names):
            return int(given) - 1
        return None

    def _ask(self, question: str) -> str:
        print(f"{question}: ", end="", flush=True)  # noqa: T201
        given = sys.stdin.readline()
        if not given:
            raise EOFError
        return given.strip()

    def _ask_twice(self, question: str) -> str:
        given = getpass.getpass(f"{question}: ")
        if getpass.getpass(f"{self._(N('The same again'))}: ") != given:
            raise InputError("the two differ", hint="type the same twice")
        return given

    def _other_language(self) -> str:
        return next(name for code, name in i18n.LANGUAGES.items() if code != self._language)

    def _say(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)  # noqa: T201

    def _(self, text: str, **values: object) -> str:
        return i18n.translated(text, self._language, **values)

    def _said(self, text: str) -> str:
        return i18n.said_in(text, self._language)
