"""OpenLDAP as Debian packages it: `slapd` with a folder, a certificate and ports of its own."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from .authority import Authority
from .peers import free_port
from .server import LOOPBACK
from .tests import check, patience

SUFFIX = "dc=hauspost,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ADMIN = f"cn=admin,{SUFFIX}"
READER = f"cn=hauspost,ou=services,{SUFFIX}"
ADMIN_PASSWORD = "administers the directory"
READER_PASSWORD = "reads the directory"
PASSWORD = "password of the directory"
# Nobody gets more in one answer: what is not paged fails.
MOST = 500

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
argsfile {folder}/arguments
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sizelimit size.soft={most} size.hard={most} size.pr={most} size.prtotal=unlimited
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw "{admin_password}"
directory {folder}/database
index objectClass,uid,entryUUID,member eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


def folded(name: str, value: str) -> str:
    """A line of LDIF."""
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"


def person(name: str, shown: str | None = None, password: str = PASSWORD, more: str = "") -> str:
    """An entry, as LDIF."""
    shown = shown or name.capitalize()
    return (
        f"dn: uid={name},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {name}\n" + folded("cn", shown) + folded("sn", shown)
        + folded("displayName", shown) + folded("userPassword", password) + f"mail: {name}@hauspost.test\n{more}\n"
    )


def group(name: str, *members: str) -> str:
    """A group of people (by their names) and of groups (by their names behind a `+`), as LDIF."""
    lines = [f"dn: cn={name},{GROUPS}", "objectClass: groupOfNames", f"cn: {name}"]
    for member in members:
        lines.append(f"member: cn={member[1:]},{GROUPS}" if member.startswith("+") else f"member: uid={member},{PEOPLE}")
    return "\n".join(lines) + "\n\n"


BASE = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Hauspost
dc: hauspost

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: ou=services,{SUFFIX}
objectClass: organizationalUnit
ou: services

dn: {READER}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: hauspost
userPassword: {READER_PASSWORD}

"""


class Slapd:
    """One directory server."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.authority = authority
        self.plain, self.secure = free_port(), free_port()
        self.process: asyncio.subprocess.Process | None = None
        (folder / "database").mkdir(parents=True)
        certificate, key = authority.server("localhost")
        (folder / "slapd.conf").write_text(CONFIG.format(
            folder=folder, certificate=certificate, key=key, suffix=SUFFIX, admin=ADMIN, admin_password=ADMIN_PASSWORD,
            reader=READER, most=MOST,
        ))

    @property
    def url(self) -> str:
        return f"ldap://localhost:{self.plain}"

    @property
    def secure_url(self) -> str:
        return f"ldaps://localhost:{self.secure}"

    async def fill(self, entries: str) -> None:
        """Before the start: entries, as LDIF."""
        await self._run("slapadd", "-q", "-f", str(self.folder / "slapd.conf"), stdin=BASE + entries)

    async def start(self) -> "Slapd":
        with (self.folder / "output").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                "slapd", "-d", "0", "-f", str(self.folder / "slapd.conf"),
                "-h", f"ldap://{LOOPBACK}:{self.plain} ldaps://{LOOPBACK}:{self.secure}", stdout=output, stderr=output,
            )
        async with patience("slapd to listen"):
            while True:
                check(self.process.returncode is None, (self.folder / "output").read_text(errors="replace"))
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, self.secure)
                    writer.close()
                    return self
                except OSError:
                    await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self.process is not None:
            if self.process.returncode is None:
                self.process.terminate()
            await self.process.wait()
            self.process = None

    async def _run(self, *command: str, stdin: str = "") -> None:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        async with patience(f"the end of {command[0]}"):
            out, _ = await process.communicate(stdin.encode())
        check(process.returncode == 0, f"{' '.join(command)}:\n{out.decode()}")

    async def change(self, entries: str) -> None:
        """While it runs: changes, as LDIF; what says nothing else is added."""
        await self._run("ldapmodify", "-a", "-x", "-H", f"ldap://{LOOPBACK}:{self.plain}", "-D", ADMIN, "-w", ADMIN_PASSWORD, stdin=entries)

    async def remove(self, *names: str) -> None:
        for name in names:
            await self.change(f"dn: uid={name},{PEOPLE}\nchangetype: delete\n")

    def config(self, **more: object) -> dict[str, dict[str, object]]:
        """What Hauspost is told of it."""
        ldap = {
            "servers": [self.url], "ca": str(self.authority.root), "bind_dn": READER, "bind_password": READER_PASSWORD,
            "base": PEOPLE, "sync_minutes": 0, **more,
        }
        return {"identity.ldap": ldap, "identity.ldap.groups": {"base": GROUPS}}
