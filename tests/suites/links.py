"""The way to other servers: which addresses are reached, how fast, and what one person may take of it."""

from __future__ import annotations

import asyncio
from typing import Any

from federation import MANTUA, VERONA, arrive, name_server, publish, server_of, talk, two_houses
from harness import Tests, check, equal, patience
from harness.server import LOOPBACK

tests = Tests("the way to other servers")


async def refusal(person: Any, to: str) -> tuple[str, str]:
    """Why a message does not reach somebody."""
    sent = person.make_message(to, mbody="Is anybody there?", mtype="chat")
    sent["id"] = f"to-{to}"
    sent.send()
    while True:
        error = await person.next("message_error")
        if error["id"] == sent["id"]:
            return error["error"]["condition"], error["error"]["text"]


@tests
async def nobody_looks_around_in_the_house_by_naming_domains(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet", federation={"allowed_networks": []})
    there = await server_of(house, MANTUA, dns, "romeo")
    juliet = await arrive(house, here, "juliet", VERONA)
    dns.host("inside.test")
    dns.service("_xmpp-server._tcp.ports.test", (10, here.address("http")[1], "inside.test"))
    dns.service("_xmpp-server._tcp.closed.test", (10, 1, "inside.test"))
    answers = {
        domain: await refusal(juliet, f"x@{domain}")
        for domain in (MANTUA, "ports.test", "closed.test", "inside.test", LOOPBACK, "10.0.0.1", "[::1]", "nowhere.test")
    }
    check(len(set(answers.values())) == 1, answers)
    equal(answers[MANTUA][0], "remote-server-not-found")
    for log in (here.log(), there.log()):
        check("has shown who it is" not in log and "connected with a server" not in log, log)


@tests
async def a_configured_server_is_reached_wherever_it_is(house):
    dns = await name_server(house)
    there = await server_of(house, MANTUA, dns, "romeo")
    place = "{}:{}".format(*there.address("federation"))
    here = await server_of(house, VERONA, dns, "juliet", federation={"allowed_networks": [], "hosts": {MANTUA: [place]}})
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    await talk(juliet, romeo)


@tests
async def who_writes_to_thousands_of_domains_stops_nobody(house):
    dns = await name_server(house)
    dns.silent.add("dead.test")
    here = await server_of(house, VERONA, dns, "juliet", "nurse", federation={"message_hours": 1})
    there = await server_of(house, MANTUA, dns, "romeo")
    juliet = await arrive(house, here, "juliet", VERONA)
    nurse = await arrive(house, here, "nurse", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    for number in range(2_000):
        juliet.send_message(f"x@d{number}.dead.test", "one", mtype="chat")
    refused = 0
    while refused < 1_800:
        error = await juliet.next("message_error")
        equal(error["error"]["condition"], "resource-constraint")
        refused += 1
    await talk(nurse, romeo)
    # Nor after a start, when all that was kept is tried again.
    await here.stop()
    await here.start()
    publish(dns, VERONA, here)
    nurse = await arrive(house, here, "nurse", VERONA)
    await talk(nurse, romeo)
