"""The REST interface of the real server: tokens by command line and by XMPP, and its description tried out by schemathesis."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from slixmpp.xmlstream import ET

from harness import Tests, check, equal, says
from harness.http import Answer, exchange
from harness.people import arrive
from harness.server import DOMAIN, House, Server

tests = Tests("rest: tokens, what they allow, and that the description is true")


async def ask(server: Server, token: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    all_headers = {"Authorization": f"Bearer {token}", **(headers or {})}
    data = ""
    if body is not None:
        all_headers["Content-Type"] = "application/json"
        data = json.dumps(body)
    return await exchange(server, method, f"/api/v1{path}", all_headers, data)


async def token(server: Server, name: str, *scopes: str) -> str:
    arguments = [word for scope in scopes for word in ("--scope", scope)]
    return (await server.command("token", "create", name, *arguments)).expect().out.strip()


@tests
async def a_token_of_the_command_line_works_until_it_is_revoked(house: House) -> None:
    server = house.server()
    for running in (False, True):
        if running:
            await server.start()
        else:
            (await server.command("user", "add", "anna", "--admin", "--password-stdin", stdin="a long password\n")).expect()
        made = await token(server, "anna", "people.see,self")
        check(made.startswith("hpt_") and len(made) > 50, made)
    listed = (await server.command("token", "list", "anna")).expect().out
    equal([line.split("\t")[4] for line in listed.splitlines()], ["people.see,self"] * 2)
    check(made not in listed, "the list shows the token")
    people = await ask(server, made, "GET", "/people")
    equal((people.status, [one["name"] for one in json.loads(people.body)["items"]]), (200, ["anna"]))
    equal(people.headers["cache-control"], "no-store")
    refused = await ask(server, made, "GET", "/audit")
    equal((refused.status, refused.headers["content-type"]), (403, "application/problem+json"))
    says(refused.body.decode(), "audit.see")
    wrong = await server.command("token", "create", "anna", "--scope", "everything")
    check(wrong.code != 0, "an unknown scope was taken")
    says(wrong.said, "people.see")
    for line in listed.splitlines():
        (await server.command("token", "revoke", "anna", line.split("\t")[0])).expect()
    equal((await ask(server, made, "GET", "/people")).status, 401)
    entries = [json.loads(line) for line in (await server.command("audit", "export", "--action", "token")).expect().out.splitlines()]
    equal([entry["action"] for entry in entries], ["token.made"] * 2 + ["token.revoked"] * 2)
    check(made not in server.log(), "the log has the token")
    await server.stop()


@tests
async def who_is_logged_in_gets_a_short_token_that_ends_with_the_session(house: House) -> None:
    server = await house.server().start()
    await server.people("anna")
    (await server.command("user", "role", "anna", "administrator")).expect()
    anna = await arrive(house, server, "anna")
    iq = anna.make_iq_set(ET.Element("{urn:hauspost:api-session:0}session"))
    answer = await iq.send()
    session = answer.xml.find("{urn:hauspost:api-session:0}session")
    short = session.attrib["token"]
    me = json.loads((await ask(server, short, "GET", "/me")).body)
    equal((me["name"], me["role"], me["session"]), ("anna", "administrator", True))
    made = await ask(server, short, "POST", "/me/tokens", {"label": "build", "scopes": ["rooms.post"]})
    equal(made.status, 201)
    (await server.command("user", "disable", "anna")).expect()
    for ended in (short, json.loads(made.body)["secret"]):
        equal((await ask(server, ended, "GET", "/me")).status, 401)
    await server.stop()


@tests
async def what_is_posted_arrives_in_the_room(house: House) -> None:
    server = await house.server().start()
    await server.people("anna", "bert")
    (await server.command("user", "role", "anna", "owner")).expect()
    made = await token(server, "anna", "rooms.post", "rooms.change")
    equal((await ask(server, made, "POST", "/rooms", {"name": "builds", "title": "Builds"})).status, 201)
    bert = await arrive(house, server, "bert")
    room = f"builds@rooms.{DOMAIN}"
    heard: asyncio.Queue[Any] = asyncio.Queue()
    bert.add_event_handler("groupchat_message", heard.put_nowait)
    bert.register_plugin("xep_0045")
    await bert.plugin["xep_0045"].join_muc_wait(room, "Bert", timeout=20)
    posted = await ask(server, made, "POST", "/rooms/builds/messages", {"text": "Build 17 <done> & dusted"})
    equal(posted.status, 201)
    message = await asyncio.wait_for(heard.get(), 20)
    equal((message["from"].full, message["body"]), (f"{room}/anna", "Build 17 <done> & dusted"))
    check(json.loads(posted.body)["id"] in str(message), "the id is not the one of the answer")
    await server.stop()


@tests
async def without_tls_and_from_pages_of_others_nothing_is_answered(house: House) -> None:
    server = house.server({"http": {"trusted_proxies": ["127.0.0.1/32"], "allowed_origins": ["https://admin.example"]}})
    (await server.command("user", "add", "anna", "--password-stdin", stdin="a long password\n")).expect()
    await server.start()
    made = await token(server, "anna", "self")
    far = {"X-Forwarded-For": "192.0.2.7"}
    plain = await ask(server, made, "GET", "/me", headers=far)
    equal(plain.status, 403)
    says(plain.body.decode(), "https")
    equal((await ask(server, made, "GET", "/me", headers={**far, "X-Forwarded-Proto": "https"})).status, 200)
    foreign = await ask(server, made, "GET", "/me", headers={"Origin": "https://elsewhere.example"})
    equal(foreign.status, 403)
    check("access-control-allow-origin" not in foreign.headers, "any page may ask")
    named = await ask(server, made, "GET", "/me", headers={"Origin": "https://admin.example"})
    equal((named.status, named.headers["access-control-allow-origin"]), (200, "https://admin.example"))
    asked = await exchange(server, "OPTIONS", "/api/v1/me", {"Origin": "https://admin.example"})
    equal(asked.status, 204)
    await server.stop()


# What would end the token that everything is tried with, and what ends what the others are tried on.
KEPT = ["setPassword", "removePerson", "setEnabled", "setRole", "revokeOwnToken", "revokeToken"]


@tests.taking(170)
async def schemathesis_finds_nothing_that_is_not_described(house: House) -> None:
    server = house.server()
    for name, flag in (("anna", "--admin"), ("bert", "--role=person")):
        (await server.command("user", "add", name, flag, "--password-stdin", stdin="a long password\n")).expect()
    await server.start()
    everything = json.loads((await exchange(server, "GET", "/api/v1/openapi.json")).body)
    check(everything["openapi"].startswith("3.1"), everything["openapi"])
    roles = (await ask(server, await token(server, "anna", "self"), "GET", "/me")).body
    check(b"owner" in roles, roles.decode())
    rights = ["self", "rooms.post", "people.see", "rooms.see", "rules.see", "audit.see", "people.create", "people.disable", "people.remove",
              "people.passwords", "people.sessions", "people.invitations", "people.change", "rooms.change", "announce", "roles.set"]
    made = await token(server, "anna", *rights)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
    arguments = [server.url("/api/v1/openapi.json"), "--url", server.url(""), "-H", f"Authorization: Bearer {made}", "--checks", checks,
                 "--phases", "coverage,fuzzing", "--max-examples", "12", "--max-time", "100", "--seed", "7", "--no-shrink",
                 "--rate-limit", "45/s", "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off",
                 "--generation-database", "none"]
    for operation in KEPT:
        arguments += ["--exclude-operation-id", operation]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=server.folder)
    out, _ = await process.communicate()
    check(process.returncode == 0, out.decode()[-6000:])
    await server.stop()
