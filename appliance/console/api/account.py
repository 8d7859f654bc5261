"""Set-up, log-in, password and API tokens."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Integer, List, Nested, String
from apiflask.validators import Length, OneOf

from appliance.console.box import the_box
from appliance.console.security import account, csrf, first_boot, tokens
from appliance.console.security.access import before_setup, for_person, public, who

blueprint = APIBlueprint("api_account", __name__, tag="Account")


class SetUp(Schema):
    password = String(required=True, validate=Length(max=1000))
    name = String(load_default="mouthpiece")
    timezone = String(load_default="UTC")
    language = String(load_default="en", validate=OneOf(first_boot.LANGUAGES))
    network = String(load_default="")
    code = String(load_default="", metadata={"description": "the pairing code; not needed on the box itself"})


class Session(Schema):
    who = String(metadata={"description": "person, script, kiosk or nobody"})
    csrf_token = String(metadata={"description": "to be sent as X-CSRF-Token with every change"})


class LogIn(Schema):
    password = String(required=True, validate=Length(max=1000))


class NewPassword(Schema):
    old = String(required=True, validate=Length(max=1000))
    new = String(required=True, validate=Length(max=1000))


class TokenName(Schema):
    name = String(required=True, validate=Length(1, 60))


class Token(Schema):
    id = String()
    name = String()
    created = Integer(metadata={"description": "unix seconds"})


class NewToken(Token):
    token = String(metadata={"description": "shown this once"})


class Tokens(Schema):
    tokens = List(Nested(Token))


def _session() -> dict[str, str]:
    return {"who": who().value, "csrf_token": csrf.csrf_token()}


@blueprint.get("/session")
@before_setup
@blueprint.output(Session)
@blueprint.doc(summary="Who is asking, and the token for changes")
def show_session() -> dict[str, str]:
    return _session()


@blueprint.post("/setup")
@before_setup
@blueprint.input(SetUp, arg_name="answers")
@blueprint.output(Session)
@blueprint.doc(summary="Set the box up, once", responses=[400, 403, 409, 429])
def set_up(answers: dict[str, Any]) -> dict[str, str]:
    account.set_up(first_boot.Answers(**answers))
    return {"who": "person", "csrf_token": csrf.csrf_token()}


@blueprint.post("/login")
@public
@blueprint.input(LogIn, arg_name="given")
@blueprint.output(Session)
@blueprint.doc(summary="Begin a session", responses=[401, 403, 429])
def log_in(given: dict[str, str]) -> dict[str, str]:
    account.log_in(given["password"])
    return {"who": "person", "csrf_token": csrf.csrf_token()}


@blueprint.post("/logout")
@public
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="End this session", responses=[403])
def log_out() -> str:
    account.log_out()
    return ""


@blueprint.post("/password")
@for_person
@blueprint.input(NewPassword, arg_name="given")
@blueprint.output(Session)
@blueprint.doc(summary="Change the password; ends every other session", responses=[400, 401, 403, 429])
def change_password(given: dict[str, str]) -> dict[str, str]:
    account.change_password(given["old"], given["new"])
    return {"who": "person", "csrf_token": csrf.csrf_token()}


@blueprint.get("/tokens")
@for_person
@blueprint.output(Tokens)
@blueprint.doc(summary="List the API tokens", responses=[401, 403])
def list_tokens() -> dict[str, Any]:
    return {"tokens": tokens.known(the_box())}


@blueprint.post("/tokens")
@for_person
@blueprint.input(TokenName, arg_name="given")
@blueprint.output(NewToken, status_code=201)
@blueprint.doc(summary="Make an API token", responses=[400, 401, 403])
def make_token(given: dict[str, str]) -> dict[str, Any]:
    entry, token = tokens.make(the_box(), given["name"])
    return {**entry, "token": token}


@blueprint.delete("/tokens/<identifier>")
@for_person
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Remove an API token", responses=[401, 403, 404])
def remove_token(identifier: str) -> str:
    tokens.remove(the_box(), identifier)
    return ""
