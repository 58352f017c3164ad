"""Servers of others, as Debian packages them: Prosody and ejabberd, each with a folder, a certificate and ports of its own."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from .dns import NameServer
from .server import LOOPBACK, PASSWORD
from .tests import check, patience

PLUGINS = Path(__file__).resolve().parents[1] / "peers"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Peer:
    """A server of others."""

    def __init__(self, folder: Path, domain: str, certificate: tuple[Path, Path], root: Path) -> None:
        self.folder = folder
        self.domain = domain
        self.certificate, self.key = certificate
        self.root = root
        self.client_port = free_port()
        self.server_port = free_port()
        self.http_port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True)

    def address(self, door: str) -> tuple[str, int]:
        return LOOPBACK, self.client_port if door == "xmpp" else self.server_port

    async def _run(self, *command: str, environment: dict[str, str] | None = None) -> None:
        with (self.folder / "output").open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                env={**os.environ, **(environment or {})},
            )
        for port in (self.client_port, self.server_port):
            await self._listens(port)

    async def _listens(self, port: int) -> None:
        async with patience(f"{self.domain} to listen; it says:\n{self.said()}", 60):
            while True:
                check(self.process is not None and self.process.returncode is None, f"{self.domain} ended:\n{self.said()}")
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, port)
                    writer.close()
                    return
                except OSError:
                    await asyncio.sleep(0.05)

    def said(self) -> str:
        texts = [file.read_text(errors="replace") for name in ("output", "log") if (file := self.folder / name).exists()]
        return "".join(texts)[-8000:]

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Prosody(Peer):
    """Prosody; `where` says where the servers of other domains are."""

    async def start(self, names: list[str], where: dict[str, tuple[str, int]], more: str = "", components: str = "") -> "Prosody":
        data = self.folder / "data"
        # Rooms for others, and files for its own people.
        components = components or f"""
Component 'rooms.{self.domain}' 'muc'
modules_enabled = {{ 'muc_mam' }}
Component 'files.{self.domain}' 'http_file_share'
http_external_url = 'http://{LOOPBACK}:{self.http_port}/'
"""
        places = "; ".join(f"['{domain}'] = {{ '{host}', {port} }}" for domain, (host, port) in where.items())
        for name in names:
            file = data / self.domain.replace(".", "%2e") / "accounts" / f"{name}.dat"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        configuration = self.folder / "prosody.cfg.lua"
        configuration.write_text(
            f"""
run_as_root = true
pidfile = '{self.folder}/pid'
data_path = '{data}'
log = {{ debug = '{self.folder}/log' }}
plugin_paths = {{ '{PLUGINS}' }}
modules_enabled = {{ 'disco'; 'roster'; 'saslauth'; 'tls'; 'dialback'; 's2s'; 's2s_bidi'; 's2s_auth_certs'; 'blocklist'; 'carbons'; 'pep';
    'smacks'; 'vcard4'; 'vcard_legacy'; 'ping'; 'time'; 'version'; 'posix'; 'mam'; 'where' }}
where = {{ {places} }}
interfaces = {{ '{LOOPBACK}' }}
c2s_ports = {{ {self.client_port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ {self.server_port} }}
s2s_direct_tls_ports = {{ }}
http_ports = {{ {self.http_port} }}
https_ports = {{ }}
http_interfaces = {{ '{LOOPBACK}' }}
http_default_host = 'files.{self.domain}'
s2s_require_encryption = true
s2s_secure_auth = true
authentication = 'internal_plain'
storage = 'internal'
ssl = {{ certificate = '{self.certificate}', key = '{self.key}', cafile = '{self.root}' }}
{more}
VirtualHost '{self.domain}'
{components}
"""
        )
        await self._run("prosody", "--config", str(configuration), "-F")
        return self


class Ejabberd(Peer):
    """ejabberd; it asks a name server of the test."""

    async def start(self, names: list[str], dns: NameServer) -> "Ejabberd":
        both = self.folder / "both.pem"
        both.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        configuration = self.folder / "ejabberd.yml"
        configuration.write_text(
            f"""
loglevel: debug
hosts:
  - {self.domain}
certfiles:
  - "{both}"
ca_file: "{self.root}"
s2s_cafile: "{self.root}"
s2s_use_starttls: required
listen:
  -
    port: {self.client_port}
    ip: "{LOOPBACK}"
    module: ejabberd_c2s
    starttls: true
  -
    port: {self.server_port}
    ip: "{LOOPBACK}"
    module: ejabberd_s2s_in
  -
    port: {self.http_port}
    ip: "{LOOPBACK}"
    module: ejabberd_http
    request_handlers:
      /upload: mod_http_upload
modules:
  mod_adhoc: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_http_upload:
    docroot: "{self.folder}/upload"
    put_url: "http://{LOOPBACK}:{self.http_port}/upload"
    access: all
  mod_last: {{}}
  mod_muc:
    host: "rooms.@HOST@"
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_pubsub:
    plugins:
      - flat
      - pep
  mod_roster: {{}}
  mod_s2s_dialback: {{}}
  mod_stream_mgmt: {{}}
  mod_vcard: {{}}
  mod_version: {{}}
"""
        )
        host, port = dns.address
        inetrc = self.folder / "inetrc"
        inetrc.write_text(
            f"{{resolv_conf, \"\"}}.\n{{hosts_file, \"\"}}.\n{{lookup, [dns]}}.\n"
            f"{{nameserver, {{{host.replace('.', ',')}}}, {port}}}.\n{{edns, false}}.\n"
        )
        added = " ".join(
            f'ok = ejabberd_auth:try_register(<<"{name}">>, <<"{self.domain}">>, <<"{PASSWORD}">>),' for name in names
        )
        script = self.folder / "fill.erl"
        script.write_text(
            "spawn(fun() -> Wait = fun W() -> case catch mnesia:wait_for_tables([passwd], 60000) of ok -> ok; "
            "_ -> timer:sleep(20), W() end end, Wait(), "
            "Up = fun U() -> case lists:keymember(ejabberd, 1, application:which_applications()) of true -> ok; "
            "_ -> timer:sleep(20), U() end end, Up(), "
            f'{added} file:write_file("{self.folder}/filled", <<>>) end).\n'
        )
        await self._run(
            "erl", "-noinput", "-mnesia", "dir", f'"{self.folder}/mnesia"', "-s", "ejabberd", "-eval", f'file:script("{script}").',
            environment={
                "EJABBERD_CONFIG_PATH": str(configuration),
                "EJABBERD_LOG_PATH": str(self.folder / "log"),
                "EJABBERD_PID_PATH": str(self.folder / "pid"),
                "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
                "ERL_INETRC": str(inetrc),
                "ERL_CRASH_DUMP_BYTES": "0",
                "HOME": str(self.folder),
            },
        )
        async with patience(f"ejabberd's accounts:\n{self.said()}", 60):
            while not (self.folder / "filled").exists():
                await asyncio.sleep(0.05)
        return self
