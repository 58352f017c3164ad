"""A device of python-omemo, driven by lines of JSON: the other implementation that ours is held against.

Reads one request a line from standard input and writes one answer a line. `tests/vectors.rs` says how to run it.
Wants the packages OMEMO, Twomemo, Oldmemo and xmlschema.
"""

import asyncio
import json
import sys
import warnings
import xml.etree.ElementTree as ET

import oldmemo
import oldmemo.etree
import omemo
import twomemo
import twomemo.etree

CURRENT = twomemo.twomemo.NAMESPACE
LEGACY = oldmemo.oldmemo.NAMESPACE
NAMESPACES = {"current": CURRENT, "legacy": LEGACY}


class Memory(omemo.Storage):
    def __init__(self):
        super().__init__(True)
        self.values = {}

    async def _load(self, key):
        return omemo.Just(self.values[key]) if key in self.values else omemo.Nothing()

    async def _store(self, key, value):
        self.values[key] = value

    async def _delete(self, key):
        self.values.pop(key, None)


class Peer(omemo.SessionManager):
    """Its "server" is what the requests have brought."""

    bundles = {}
    lists = {}
    own = {}
    sent = []

    @staticmethod
    async def _upload_bundle(bundle):
        Peer.own[("bundle", bundle.namespace)] = bundle

    @staticmethod
    async def _download_bundle(namespace, bare_jid, device_id):
        if (namespace, bare_jid, device_id) not in Peer.bundles:
            raise omemo.BundleNotFound()
        element = Peer.bundles[(namespace, bare_jid, device_id)]
        tree = twomemo.etree if namespace == CURRENT else oldmemo.etree
        return tree.parse_bundle(element, bare_jid, device_id)

    @staticmethod
    async def _delete_bundle(namespace, device_id):
        pass

    @staticmethod
    async def _upload_device_list(namespace, device_list):
        Peer.own[("list", namespace)] = device_list

    @staticmethod
    async def _download_device_list(namespace, bare_jid):
        if ("list", namespace) in Peer.own and (namespace, bare_jid) not in Peer.lists:
            return Peer.own[("list", namespace)]
        if (namespace, bare_jid) not in Peer.lists:
            return {}
        tree = twomemo.etree if namespace == CURRENT else oldmemo.etree
        element = Peer.lists[(namespace, bare_jid)]
        if namespace == CURRENT:
            return tree.parse_device_list(element)
        return {device: None for device in tree.parse_device_list(element)}

    async def _evaluate_custom_trust_level(self, device):
        return omemo.TrustLevel.TRUSTED

    async def _make_trust_decision(self, undecided, identifier):
        pass

    @staticmethod
    async def _send_message(message, bare_jid):
        Peer.sent.append(serialise(message))


def serialise(message):
    tree = twomemo.etree if message.namespace == CURRENT else oldmemo.etree
    return text(tree.serialize_message(message))


def text(element):
    for namespace in (CURRENT, LEGACY):
        if element.tag.startswith("{" + namespace + "}"):
            ET.register_namespace("", namespace)
    return ET.tostring(element, encoding="unicode")


def own_list(namespace):
    tree = twomemo.etree if namespace == CURRENT else oldmemo.etree
    return text(tree.serialize_device_list(Peer.own[("list", namespace)]))


def own_bundle(namespace):
    tree = twomemo.etree if namespace == CURRENT else oldmemo.etree
    return text(tree.serialize_bundle(Peer.own[("bundle", namespace)]))


def took():
    sent, Peer.sent = Peer.sent, []
    return sent


async def main():
    peer = None
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        request = json.loads(line)
        do = request["do"]
        answer = {}
        if do == "start":
            storage = Memory()
            kind = {"current": twomemo.Twomemo, "legacy": oldmemo.Oldmemo}[request["form"]]
            backends = [kind(storage)]
            peer = await Peer.create(backends, storage, request["account"], request["label"], "trusted")
            await peer.after_history_sync()
            information, _ = await peer.get_own_device_information()
            answer = {
                "device": information.device_id,
                "key": information.identity_key.hex(),
                "fingerprint": "".join(peer.format_identity_key(information.identity_key)),
            }
        elif do == "published":
            namespace = NAMESPACES[request["form"]]
            answer = {"list": own_list(namespace), "bundle": own_bundle(namespace)}
        elif do == "know":
            namespace = NAMESPACES[request["form"]]
            element = ET.fromstring(request["list"])
            Peer.lists[(namespace, request["account"])] = element
            tree = twomemo.etree if namespace == CURRENT else oldmemo.etree
            devices = tree.parse_device_list(element)
            if namespace == LEGACY:
                devices = {device: None for device in devices}
            if "bundle" in request:
                key = (namespace, request["account"], request["device"])
                Peer.bundles[key] = ET.fromstring(request["bundle"])
            await peer.update_device_list(namespace, request["account"], devices)
        elif do == "encrypt":
            namespace = NAMESPACES[request["form"]]
            messages, errors = await peer.encrypt(
                frozenset(request["to"]), {namespace: request["text"].encode()}
            )
            answer = {
                "messages": [serialise(message) for message in messages],
                "errors": [str(error) for error in errors],
            }
        elif do == "decrypt":
            element = ET.fromstring(request["xml"])
            if element.tag.startswith("{" + CURRENT + "}"):
                message = twomemo.etree.parse_message(element, request["from"])
            else:
                message = await oldmemo.etree.parse_message(
                    element, request["from"], request["own"], peer
                )
            try:
                plaintext, device, _ = await peer.decrypt(message)
                answer = {
                    "text": None if plaintext is None else plaintext.decode(),
                    "device": device.device_id,
                    "sent": took(),
                }
            except omemo.OMEMOException as error:
                answer = {"error": type(error).__name__, "sent": took()}
        elif do == "replace":
            devices = await peer.get_device_information(request["account"])
            for device in devices:
                await peer.replace_sessions(device)
            answer = {"sent": took()}
        print(json.dumps(answer), flush=True)
    if peer is not None:
        await peer.shutdown()


asyncio.run(main())
