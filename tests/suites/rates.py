"""How much one client may say, and how much may wait for one that does not listen: the same at every door."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable

import bosh
import websocket
from harness import Tests, check, equal, patience
from harness import wire
from harness.server import DOMAIN, Server
from harness.wire import CLIENT, q

tests = Tests("rates and bounds at every door")

BURST = 256 * 1024
# Larger than the burst and all that sockets of this machine take in, many times over.
FLOOD = 64 * 1024 * 1024
TEXT = "x" * 4_000


def message(number: int) -> str:
    return f"<message xmlns='{CLIENT}' to='juliet@{DOMAIN}' type='chat'><body>{number} {TEXT}</body></message>"


async def over_tcp(house: Any, server: Server) -> Callable[[str], Awaitable[Any]]:
    return (await wire.logged_in(house, server, "romeo")).send


async def over_websocket(house: Any, server: Server) -> Callable[[str], Awaitable[Any]]:
    client = await websocket.socket(house, server)
    await client.log_in("romeo")
    return client.send


async def over_bosh(house: Any, server: Server) -> Callable[[str], Awaitable[Any]]:
    session = bosh.Session(server)
    # Requests are answered at once, as long as they are read.
    await session.create(wait=0, hold=0)
    await session.log_in("romeo")

    async def say(text: str) -> None:
        # Polling too often is another fault: each request says something.
        await session.post(session.body(text), seconds=80)

    return say


@tests.each([("TCP", over_tcp), ("WebSocket", over_websocket), ("BOSH", over_bosh)])
async def who_says_too_much_is_not_listened_to_and_delays_nobody(house, case):
    _, door = case
    server = house.server({"limits": {"input_burst_bytes": BURST, "input_bytes_per_second": 1024}})
    await server.people("romeo", "juliet", "nurse")
    await server.start()
    juliet = await wire.logged_in(house, server, "juliet", "balcony")
    await juliet.send("<presence/>")
    await juliet.settle()
    nurse = await wire.logged_in(house, server, "nurse")
    say = await door(house, server)

    async def flood() -> None:
        for number in range(FLOOD // len(TEXT)):
            await say(message(number))

    async def heard() -> str:
        while (body := (await juliet.until(q(CLIENT, "message"))).findtext(q(CLIENT, "body"))) is None:
            pass
        return body

    flooding = asyncio.create_task(flood())
    try:
        # What may come at once does come, up to the last message that was begun within it.
        numbers = [int((await heard()).split()[0]) for _ in range(BURST // len(TEXT) - 2)]
        equal(numbers, list(range(len(numbers))))
        # Others are heard as ever.
        for number in range(50):
            await nurse.send(f"<message to='juliet@{DOMAIN}' type='chat'><body>calm {number}</body></message>")
        more, calm = 0, 0
        while calm < 50:
            if (await heard()).startswith("calm"):
                calm += 1
            else:
                more += 1
        await nurse.settle()
        # What is left of the burst, one read beyond it, and what the least of rates lets in meanwhile.
        check(more * len(TEXT) <= BURST, f"{more} messages beyond the burst were taken")
        check(not flooding.done(), "the flood was taken in whole")
    finally:
        flooding.cancel()


@tests.each(["plain", "managed"])
async def who_does_not_listen_is_put_out_and_finds_all_in_the_archive(house, way):
    bound = 256 * 1024
    server = house.server({"limits": {"mailbox_bytes": bound, "unacknowledged_bytes": bound}})
    await server.people("romeo", "juliet")
    await server.start()
    juliet = await wire.logged_in(house, server, "juliet", "balcony")
    if way == "managed":
        await juliet.send(f"<enable xmlns='{wire.SM}'/>")
        await juliet.until(q(wire.SM, "enabled"))
    await juliet.send("<presence/>")
    await juliet.settle()
    romeo = await wire.logged_in(house, server, "romeo")
    # From here on she reads nothing: what the system takes for her fills, then her mailbox.
    many = 4_000
    for number in range(many):
        await romeo.send(message(number))
        if number % 500 == 499:
            await romeo.settle()
    await romeo.settle()
    delivered, condition = 0, None
    async with patience("the end of the stream of who did not listen", 60):
        try:
            while True:
                delivered += (await juliet.next()).tag == q(CLIENT, "message")
        except wire.Ended as ended:
            condition = ended.error
    check(0 < delivered < many, f"{delivered} of {many} were kept for a client that read nothing")
    check(condition in (None, "policy-violation", "resource-constraint"), f"{condition}")
    again = await wire.logged_in(house, server, "juliet", "balcony")
    await again.send("<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set></query></iq>")
    answer = await again.answer("page")
    equal(answer.findtext(".//{http://jabber.org/protocol/rsm}count"), str(many))
