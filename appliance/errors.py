"""The one root of errors that a person may see.

An `ApplianceError` says what is wrong and, in `hint`, what to do about it. It is raised where the cause is
known. Two places turn it into something else: `appliance.cli` into an exit code, and the console into an HTTP
status. Anything that is not an `ApplianceError` is a bug and may print a traceback.
"""

from __future__ import annotations


class ApplianceError(Exception):
    """A request that cannot be served, in words for the person who asked.

    `exit_code` follows the command line's contract: 1 the input or the request cannot be served,
    3 the box is unhealthy.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(ApplianceError):
    """The user's file or option is at fault; the message names it."""


class UnhealthyError(ApplianceError):
    """The box is at fault: no space, a missing model file, a broken device."""

    exit_code = 3


class CancelledError(ApplianceError):
    """The person who asked for the work called it off. Nothing is left behind."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message)
