"""A gateway of others: biboumi, as Debian packages it, attached as a component (XEP-0114), with a real IRC server behind it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

from slixmpp import JID
from slixmpp.exceptions import IqError

from harness import Tests, check, equal, patience
from harness.people import PLUGINS, Person, arrive
from harness.server import DOMAIN, LOOPBACK, Server
from harness.tests import PATIENCE

tests = Tests("a gateway to IRC, with biboumi")

GATEWAY = f"irc.{DOMAIN}"
SECRET = "hush hush"
# biboumi asks IRC servers at their usual port; an address of its own keeps that free of others.
IRC = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250 + 1}.7"
IRC_PORT = 6667


async def run(house, folder: Path, *command: str) -> asyncio.subprocess.Process:
    """A program until the end of the test."""
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")
    assert program, f"{command[0]} is missing: apt-get install {command[0]}"
    with (folder / f"{command[0]}.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, *command[1:], stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)

    async def end() -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    house.at_end(end)
    return process


async def irc_server(house, folder: Path) -> None:
    config = folder / "ngircd.conf"
    config.write_text(
        f"[Global]\nName = irc.test\nInfo = A test\nListen = {IRC}\nPorts = {IRC_PORT}\nServerUID = {os.getuid()}\n"
        f"ServerGID = {os.getgid()}\n[Limits]\nMaxConnectionsIP = 0\nMaxNickLength = 20\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\n[Channel]\nName = #hall\n"
    )
    process = await run(house, folder, "ngircd", "--nodaemon", "--config", str(config))
    async with patience("the IRC server to listen"):
        while True:
            check(process.returncode is None, f"ngircd ended: {(folder / 'ngircd.log').read_text()}")
            with socket.socket() as probe:
                if probe.connect_ex((IRC, IRC_PORT)) == 0:
                    return
            await asyncio.sleep(0.05)


async def biboumi(house, folder: Path, server: Server) -> None:
    config = folder / "biboumi.cfg"
    config.write_text(
        f"hostname={GATEWAY}\npassword={SECRET}\nxmpp_server_ip={LOOPBACK}\nport={server.address('component')[1]}\n"
        f"db_name={folder / 'biboumi.sqlite'}\nlog_level=0\n"
    )
    await run(house, folder, "biboumi", str(config))


async def person(house, server: Server, name: str) -> Person:
    somebody = await arrive(house, server, name, plugins=[*PLUGINS, "xep_0045", "xep_0050"])
    somebody._queue("groupchat_message")
    return somebody


async def described(asker: Person):
    """What the gateway says of itself, as soon as it is attached."""
    async with patience("the gateway to attach"):
        while True:
            try:
                return await asker["xep_0030"].get_info(GATEWAY, timeout=PATIENCE)
            except IqError as error:
                equal(error.iq["error"]["condition"], "remote-server-timeout")
                await asyncio.sleep(0.05)


@tests
async def people_talk_in_an_irc_channel_and_in_private(house):
    server = house.server({
        "listen": {"component": [f"{LOOPBACK}:0"]},
        "components": {f'"{GATEWAY}"': SECRET},
    })
    await server.people("romeo", "juliet")
    await server.start()
    folder = house.folder / "gateway"
    folder.mkdir(exist_ok=True)
    await irc_server(house, folder)
    await biboumi(house, folder, server)
    romeo, juliet = await person(house, server, "romeo"), await person(house, server, "juliet")
    info = await described(romeo)
    check("conference" in {identity[0] for identity in info["disco_info"]["identities"]}, "no gateway to chats")
    commands = await romeo["xep_0050"].get_commands(GATEWAY, timeout=PATIENCE)
    check(commands["disco_items"]["items"], "the gateway has no commands")

    channel = JID(f"#hall%{IRC}@{GATEWAY}")
    await romeo["xep_0045"].join_muc_wait(channel, "romeo", timeout=PATIENCE)
    await juliet["xep_0045"].join_muc_wait(channel, "juliet", timeout=PATIENCE)
    equal(sorted(juliet["xep_0045"].get_roster(channel)), ["juliet", "romeo"])
    words = ["But soft", "what light", "through yonder window breaks"]
    for line in words:
        romeo.send_message(channel, line, mtype="groupchat")
    for listener in (romeo, juliet):
        heard = []
        async with patience(f"{listener.boundjid.user} to hear the channel"):
            while len(heard) < len(words):
                message = await listener.queues["groupchat_message"].get()
                if message["from"].resource == "romeo":
                    heard.append(message["body"])
        equal(heard, words)

    romeo.send_message(JID(f"juliet%{IRC}@{GATEWAY}"), "A word in private", mtype="chat")
    async with patience("a word in private"):
        # The gateway tells of its connection in messages, too.
        while (message := await juliet.queues["message"].get())["from"].bare != f"romeo%{IRC}@{GATEWAY}":
            pass
    equal(message["body"], "A word in private")
