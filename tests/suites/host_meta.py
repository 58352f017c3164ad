"""Where WebSocket and BOSH are (XEP-0156), and what else is told over HTTP."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

from harness import Tests, check, equal
from harness import http

tests = Tests("host-meta and pages", config={"http": {"public_url": "https://chat.example.org"}})

LINKS = {
    "urn:xmpp:alt-connections:websocket": "wss://chat.example.org/xmpp-websocket",
    "urn:xmpp:alt-connections:xbosh": "https://chat.example.org/http-bind",
}


@tests
async def host_meta_names_both_ways_in(house):
    server = await house.shared()
    answer = await http.get(server, "/.well-known/host-meta")
    equal(answer.status, 200)
    check(answer.headers["content-type"].startswith("application/xrd+xml"), answer.headers["content-type"])
    equal(answer.headers["access-control-allow-origin"], "*")
    root = ET.fromstring(answer.body)
    xrd = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
    equal(root.tag, f"{xrd}XRD")
    equal({link.get("rel"): link.get("href") for link in root.iter(f"{xrd}Link")}, LINKS)


@tests
async def host_meta_json_names_both_ways_in(house):
    server = await house.shared()
    answer = await http.get(server, "/.well-known/host-meta.json")
    equal((answer.status, answer.headers["content-type"]), (200, "application/json"))
    equal(answer.headers["access-control-allow-origin"], "*")
    equal({link["rel"]: link["href"] for link in json.loads(answer.body)["links"]}, LINKS)


@tests
async def a_way_that_is_switched_off_is_not_named(house):
    server = await house.server({"http": {"bosh": False}}).start()
    answer = await http.get(server, "/.well-known/host-meta.json")
    equal([link["rel"] for link in json.loads(answer.body)["links"]], ["urn:xmpp:alt-connections:websocket"])
    answer = await http.post(server, "/http-bind", "<body/>")
    equal(answer.status, 404)


@tests
async def the_web_client_is_what_people_find(house):
    server = await house.shared()
    answer = await http.get(server, "/")
    equal(answer.status, 200)
    text = answer.body.decode()
    script = re.search(r'<script type="module"[^>]* src="(/assets/[^"]+)"', text)
    check(script is not None and "<style" not in text, text)
    equal((await http.get(server, script[1])).status, 200, script[1])
    equal((await http.get(server, "/nothing/here")).status, 404)


@tests
async def health_readiness_and_metrics_answer(house):
    server = await house.shared()
    for path in ("/healthz", "/readyz"):
        equal((await http.get(server, path)).status, 200, path)
    answer = await http.get(server, "/metrics")
    equal(answer.status, 200)
    lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
    check(len(lines) > 10, f"{lines}")
    for line in lines:
        name, _, value = line.rpartition(" ")
        check(name.startswith(("hauspost_", "process_")), line)
        float(value)


@tests
async def metrics_are_for_this_machine_alone(house):
    # A trusted proxy on this machine tells who really asks.
    server = await house.shared()
    answer = await http.get(server, "/metrics", {"X-Forwarded-For": "192.0.2.7"})
    check(answer.status in (403, 404), f"{answer.status}")
