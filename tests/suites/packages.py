"""What `cargo xtask package` has made of the programs under test: unpacked as Debian would, and started as systemd would."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import tomllib
from pathlib import Path

from harness import Tests, check, equal, patience, says
from harness.server import DOMAIN

tests = Tests("packages")


async def output(*command: str | Path) -> str:
    """Runs a program to its good end."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said = (await process.communicate())[0].decode()
    equal(process.returncode, 0, said)
    return said


async def unpacked(house, name: str) -> Path:
    """The files of a package, with what Debian is told under `DEBIAN`."""
    made = house.binary.parents[1] / "package"
    [package] = made.glob(f"{name}_*.deb")
    folder = Path(tempfile.mkdtemp(dir=house.folder, prefix=name))
    await output("dpkg-deb", "--raw-extract", package, folder)
    return folder


@tests
async def the_server_of_the_package_runs_with_the_configuration_of_the_package(house):
    folder = await unpacked(house, "hauspost")
    config = folder / "etc/hauspost/hauspost.toml"
    settings = tomllib.loads(config.read_text())
    equal((settings["data_dir"], settings["backup"]["folder"]), ("/var/lib/hauspost", "/var/backups/hauspost"))
    says((folder / "DEBIAN/conffiles").read_text(), "/etc/hauspost/hauspost.toml")
    for script in ("postinst", "prerm", "postrm"):
        await output("sh", "-n", folder / "DEBIAN" / script)
    said = await output(folder / "usr/bin/hauspost", "--config", config, "config")
    says(said, "/var/lib/hauspost")
    says(await output(folder / "usr/bin/hauspost", "--version"), "hauspost")


@tests
async def the_unit_leaves_the_server_little_to_break(house):
    folder = await unpacked(house, "hauspost")
    unit = folder / "usr/lib/systemd/system/hauspost.service"
    settings = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    check((folder / settings["ExecStart"].split()[0].lstrip("/")).exists(), settings["ExecStart"])
    equal((settings["User"], settings["NoNewPrivileges"], settings["ProtectSystem"]), ("hauspost", "yes", "strict"))
    if shutil.which("systemd-analyze"):
        # From 0 (nothing could be done) to 100; services without any hardening have 96.
        await output("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)


@tests
async def the_terminal_client_of_the_package_runs(house):
    folder = await unpacked(house, "hauspost-agent")
    says(await output(folder / "usr/bin/hauspost-agent", "--help"), "chat", "send", "listen")
    check((folder / "usr/share/man/man1/hauspost-agent.1").exists(), "no manual page")


@tests
async def systemd_is_told_when_it_serves_and_when_it_stops(house):
    server = house.server()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        path = server.folder / "notify"
        told.bind(str(path))
        told.setblocking(False)

        async def next() -> str:
            async with patience("a word to systemd"):
                return (await asyncio.get_running_loop().sock_recv(told, 4096)).decode()

        await server.start(environment={"NOTIFY_SOCKET": str(path)})
        says(await next(), "READY=1")
        await server.stop()
        says(await next(), "STOPPING=1")
    equal(DOMAIN in server.said, True)
