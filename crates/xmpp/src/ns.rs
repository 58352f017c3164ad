//! The namespaces, one list.

/// Content namespace of client streams (RFC 6120 §4.8.2). Stands for all content namespaces in lookups.
pub const CLIENT: &str = "jabber:client";
/// Content namespace of server streams (RFC 6120 §4.8.2).
pub const SERVER: &str = "jabber:server";
/// Content namespace of component streams (XEP-0114).
pub const COMPONENT_ACCEPT: &str = "jabber:component:accept";
/// Streams (RFC 6120 §4.8.1).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Conditions of stream errors (RFC 6120 §4.9).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 6120 §8.3).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// STARTTLS (RFC 6120 §5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL (RFC 6120 §6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Resource binding (RFC 6120 §7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Session establishment, a no-op today (RFC 3921 §3).
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// WebSocket framing (RFC 7395).
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// Roster (RFC 6121 §2).
pub const ROSTER: &str = "jabber:iq:roster";
/// Stream feature of roster versioning (RFC 6121 §2.6).
pub const ROSTER_VERSIONING: &str = "urn:xmpp:features:rosterver";
/// Stream feature of subscription pre-approval (RFC 6121 §3.4).
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// The namespace of the prefix `xml`.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of the prefix `xmlns`.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// XEP-0004: Data Forms.
pub const DATA_FORMS: &str = "jabber:x:data";
/// XEP-0012: Last Activity.
pub const LAST_ACTIVITY: &str = "jabber:iq:last";
/// XEP-0030: Service Discovery, what an entity is.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030: Service Discovery, what belongs to it.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0033: Extended Stanza Addressing.
pub const ADDRESS: &str = "http://jabber.org/protocol/address";
/// XEP-0045: Multi-User Chat.
pub const MUC: &str = "http://jabber.org/protocol/muc";
/// XEP-0045: Multi-User Chat, what occupants see.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0045: Multi-User Chat, affiliations and roles.
pub const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";
/// XEP-0045: Multi-User Chat, configuration.
pub const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// XEP-0048: Bookmarks.
pub const LEGACY_BOOKMARKS: &str = "storage:bookmarks";
/// XEP-0049: Private XML Storage.
pub const PRIVATE: &str = "jabber:iq:private";
/// XEP-0050: Ad-Hoc Commands.
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// XEP-0054: vcard-temp.
pub const VCARD: &str = "vcard-temp";
/// XEP-0055: Jabber Search.
pub const SEARCH: &str = "jabber:iq:search";
/// XEP-0059: Result Set Management.
pub const RSM: &str = "http://jabber.org/protocol/rsm";
/// XEP-0060: Publish-Subscribe.
pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// XEP-0060: Publish-Subscribe, conditions.
pub const PUBSUB_ERRORS: &str = "http://jabber.org/protocol/pubsub#errors";
/// XEP-0060: Publish-Subscribe, notifications.
pub const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0060: Publish-Subscribe, owners.
pub const PUBSUB_OWNER: &str = "http://jabber.org/protocol/pubsub#owner";
/// XEP-0060: Publish-Subscribe, publish options.
pub const PUBSUB_PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";
/// XEP-0060: Publish-Subscribe, configuration of a node.
pub const PUBSUB_NODE_CONFIG: &str = "http://jabber.org/protocol/pubsub#node_config";
/// XEP-0060: Publish-Subscribe, what a node is about.
pub const PUBSUB_META_DATA: &str = "http://jabber.org/protocol/pubsub#meta-data";
/// XEP-0060: Publish-Subscribe, approving a subscription.
pub const PUBSUB_SUBSCRIBE_AUTHORIZATION: &str =
    "http://jabber.org/protocol/pubsub#subscribe_authorization";
/// XEP-0066: Out of Band Data, in messages.
pub const OUT_OF_BAND: &str = "jabber:x:oob";
/// XEP-0071: XHTML-IM (obsolete, only recognised).
pub const XHTML_IM: &str = "http://jabber.org/protocol/xhtml-im";
/// XEP-0077: In-Band Registration.
pub const REGISTER: &str = "jabber:iq:register";
/// XEP-0077: In-Band Registration, stream feature.
pub const REGISTER_FEATURE: &str = "http://jabber.org/features/iq-register";
/// XEP-0091: Legacy Delayed Delivery.
pub const LEGACY_DELAY: &str = "jabber:x:delay";
/// XEP-0085: Chat State Notifications.
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0084: User Avatar, pictures.
pub const AVATAR_DATA: &str = "urn:xmpp:avatar:data";
/// XEP-0084: User Avatar, which picture is shown.
pub const AVATAR_METADATA: &str = "urn:xmpp:avatar:metadata";
/// XEP-0092: Software Version.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0114: Jabber Component Protocol, the other way round.
pub const COMPONENT_CONNECT: &str = "jabber:component:connect";
/// XEP-0115: Entity Capabilities.
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0122: Data Forms Validation.
pub const DATA_FORM_VALIDATION: &str = "http://jabber.org/protocol/xdata-validate";
/// XEP-0124: BOSH.
pub const HTTP_BIND: &str = "http://jabber.org/protocol/httpbind";
/// XEP-0153: vCard-Based Avatars.
pub const VCARD_UPDATE: &str = "vcard-temp:x:update";
/// XEP-0156: Discovering Alternative Connection Methods, BOSH.
pub const ALT_CONNECTIONS_BOSH: &str = "urn:xmpp:alt-connections:xbosh";
/// XEP-0156: Discovering Alternative Connection Methods, WebSocket.
pub const ALT_CONNECTIONS_WEBSOCKET: &str = "urn:xmpp:alt-connections:websocket";
/// XEP-0157: Contact Addresses, form type.
pub const SERVER_INFO: &str = "http://jabber.org/network/serverinfo";
/// XEP-0160: Best Practices for Handling Offline Messages, feature name.
pub const OFFLINE: &str = "msgoffline";
/// XEP-0166: Jingle.
pub const JINGLE: &str = "urn:xmpp:jingle:1";
/// XEP-0184: Message Delivery Receipts.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0191: Blocking Command.
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// XEP-0191: Blocking Command, conditions.
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// XEP-0198: Stream Management.
pub const STREAM_MANAGEMENT: &str = "urn:xmpp:sm:3";
/// XEP-0199: XMPP Ping.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0202: Entity Time.
pub const TIME: &str = "urn:xmpp:time";
/// XEP-0203: Delayed Delivery.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0206: XMPP over BOSH.
pub const XBOSH: &str = "urn:xmpp:xbosh";
/// XEP-0167: Jingle RTP Sessions.
pub const JINGLE_RTP: &str = "urn:xmpp:jingle:apps:rtp:1";
/// XEP-0215: External Service Discovery.
pub const EXTERNAL_SERVICES: &str = "urn:xmpp:extdisco:2";
/// XEP-0224: Attention.
pub const ATTENTION: &str = "urn:xmpp:attention:0";
/// XEP-0234: Jingle File Transfer.
pub const JINGLE_FILE_TRANSFER: &str = "urn:xmpp:jingle:apps:file-transfer:5";
/// XEP-0249: Direct MUC Invitations.
pub const CONFERENCE: &str = "jabber:x:conference";
/// XEP-0280: Message Carbons.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0280: Message Carbons, the recommended rules.
pub const CARBONS_RULES: &str = "urn:xmpp:carbons:rules:0";
/// XEP-0288: Bidirectional Server-to-Server Connections.
pub const BIDI: &str = "urn:xmpp:bidi";
/// XEP-0288: Bidirectional Server-to-Server Connections, stream feature.
pub const BIDI_FEATURE: &str = "urn:xmpp:features:bidi";
/// XEP-0292: vCard4 Over XMPP, node of an account's own card.
pub const VCARD4: &str = "urn:xmpp:vcard4";
/// XEP-0292: vCard4 Over XMPP, node of the cards of contacts.
pub const VCARD4_CONTACTS: &str = "urn:xmpp:contacts";
/// XEP-0297: Stanza Forwarding.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0300: Cryptographic Hash Functions.
pub const HASHES: &str = "urn:xmpp:hashes:2";
/// XEP-0308: Last Message Correction.
pub const CORRECTION: &str = "urn:xmpp:message-correct:0";
/// XEP-0319: Last User Interaction in Presence.
pub const IDLE: &str = "urn:xmpp:idle:1";
/// XEP-0313: Message Archive Management.
pub const ARCHIVE: &str = "urn:xmpp:mam:2";
/// XEP-0313: Message Archive Management, extended filters.
pub const ARCHIVE_EXTENDED: &str = "urn:xmpp:mam:2#extended";
/// XEP-0333: Displayed Markers.
pub const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0334: Message Processing Hints.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0353: Jingle Message Initiation.
pub const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
/// XEP-0352: Client State Indication.
pub const CLIENT_STATE: &str = "urn:xmpp:csi:0";
/// XEP-0355: Namespace Delegation.
pub const DELEGATION: &str = "urn:xmpp:delegation:2";
/// XEP-0356: Privileged Entity.
pub const PRIVILEGE: &str = "urn:xmpp:privilege:2";
/// XEP-0357: Push Notifications.
pub const PUSH: &str = "urn:xmpp:push:0";
/// XEP-0357: Push Notifications, form type of what a notification says.
pub const PUSH_SUMMARY: &str = "urn:xmpp:push:summary";
/// XEP-0359: Unique and Stable Stanza IDs.
pub const STANZA_ID: &str = "urn:xmpp:sid:0";
/// XEP-0363: HTTP File Upload.
pub const HTTP_UPLOAD: &str = "urn:xmpp:http:upload:0";
/// XEP-0363: HTTP File Upload, what a file is for.
pub const HTTP_UPLOAD_PURPOSE: &str = "urn:xmpp:http:upload:purpose:0";
/// XEP-0373: OpenPGP for XMPP.
pub const OPENPGP: &str = "urn:xmpp:openpgp:0";
/// XEP-0372: References.
pub const REFERENCES: &str = "urn:xmpp:reference:0";
/// XEP-0379: Pre-Authenticated Roster Subscription.
pub const PREAUTH: &str = "urn:xmpp:pars:0";
/// XEP-0380: Explicit Message Encryption.
pub const ENCRYPTION: &str = "urn:xmpp:eme:0";
/// XEP-0384: OMEMO Encryption.
pub const OMEMO: &str = "urn:xmpp:omemo:2";
/// XEP-0384: OMEMO Encryption, the form of version 0.3.
pub const OMEMO_LEGACY: &str = "eu.siacs.conversations.axolotl";
/// XEP-0384: OMEMO Encryption, node of the devices.
pub const OMEMO_DEVICES: &str = "urn:xmpp:omemo:2:devices";
/// XEP-0384: OMEMO Encryption, node of the bundles.
pub const OMEMO_BUNDLES: &str = "urn:xmpp:omemo:2:bundles";
/// XEP-0384: OMEMO Encryption, node of the devices in version 0.3.
pub const OMEMO_LEGACY_DEVICES: &str = "eu.siacs.conversations.axolotl.devicelist";
/// XEP-0384: OMEMO Encryption, how the names of the bundles' nodes began in version 0.3; the number
/// of the device follows.
pub const OMEMO_LEGACY_BUNDLES: &str = "eu.siacs.conversations.axolotl.bundles:";
/// XEP-0386: Bind 2.
pub const BIND2: &str = "urn:xmpp:bind:0";
/// XEP-0388: Extensible SASL Profile.
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// XEP-0398: User Avatar to vCard-Based Avatars Conversion.
pub const AVATAR_CONVERSION: &str = "urn:xmpp:pep-vcard-conversion:0";
/// XEP-0402: PEP Native Bookmarks.
pub const BOOKMARKS: &str = "urn:xmpp:bookmarks:1";
/// XEP-0402: PEP Native Bookmarks, kept together with private storage.
pub const BOOKMARKS_COMPAT: &str = "urn:xmpp:bookmarks:1#compat";
/// XEP-0402: PEP Native Bookmarks, kept together with XEP-0048's node.
pub const BOOKMARKS_COMPAT_PEP: &str = "urn:xmpp:bookmarks:1#compat-pep";
/// XEP-0420: Stanza Content Encryption.
pub const SCE: &str = "urn:xmpp:sce:1";
/// XEP-0422: Message Fastening.
pub const FASTENING: &str = "urn:xmpp:fasten:0";
/// XEP-0424: Message Retraction.
pub const RETRACTION: &str = "urn:xmpp:message-retract:1";
/// XEP-0424: Message Retraction, in archives.
pub const RETRACTION_TOMBSTONE: &str = "urn:xmpp:message-retract:1#tombstone";
/// XEP-0428: Fallback Indication.
pub const FALLBACK: &str = "urn:xmpp:fallback:0";
/// XEP-0231: Bits of Binary.
pub const BITS_OF_BINARY: &str = "urn:xmpp:bob";
/// XEP-0447: Stateless File Sharing.
pub const FILE_SHARING: &str = "urn:xmpp:sfs:0";
/// XEP-0511: Link Metadata, by the Resource Description Framework.
pub const LINK_METADATA: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// XEP-0440: SASL Channel-Binding Type Capability.
pub const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
/// XEP-0441: Message Archive Management Preferences, ad-hoc command.
pub const ARCHIVE_CONFIGURE: &str = "urn:xmpp:mam#configure";
/// XEP-0445: Pre-Authenticated In-Band Registration, stream feature.
pub const INVITED_REGISTRATION: &str = "urn:xmpp:ibr-token:0";
/// XEP-0444: Message Reactions.
pub const REACTIONS: &str = "urn:xmpp:reactions:0";
/// XEP-0461: Message Replies.
pub const REPLY: &str = "urn:xmpp:reply:0";
/// XEP-0469: Bookmark Pinning.
pub const BOOKMARKS_PINNING: &str = "urn:xmpp:bookmarks-pinning:0";
/// XEP-0492: Chat Notification Settings.
pub const NOTIFICATION_SETTINGS: &str = "urn:xmpp:notification-settings:1";
/// XEP-0478: Stream Limits Advertisement.
pub const STREAM_LIMITS: &str = "urn:xmpp:stream-limits:0";
/// XEP-0480: SASL Upgrade Tasks.
pub const SASL_UPGRADE: &str = "urn:xmpp:sasl:upgrade:0";
/// XEP-0480: SASL Upgrade Tasks, SCRAM.
pub const SCRAM_UPGRADE: &str = "urn:xmpp:scram-upgrade:0";
/// XEP-0484: Fast Authentication Streamlining Tokens.
pub const FAST: &str = "urn:xmpp:fast:0";
/// XEP-0485: PubSub Server Information.
pub const PUBSUB_SERVER_INFO: &str = "urn:xmpp:serverinfo:0";
/// XEP-0045: Multi-User Chat, form of a room's configuration.
pub const MUC_ROOM_CONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
/// XEP-0045: Multi-User Chat, form of what a room tells of itself.
pub const MUC_ROOM_INFO: &str = "http://jabber.org/protocol/muc#roominfo";
/// XEP-0045: Multi-User Chat, form of a registration with a room.
pub const MUC_REGISTER: &str = "http://jabber.org/protocol/muc#register";
/// XEP-0045: Multi-User Chat, form of a request for voice.
pub const MUC_REQUEST: &str = "http://jabber.org/protocol/muc#request";
/// XEP-0045: Multi-User Chat, feature of rooms that reflect the id of a message.
pub const MUC_STABLE_ID: &str = "http://jabber.org/protocol/muc#stable_id";
/// XEP-0307: Unique Room Names for Multi-User Chat.
pub const MUC_UNIQUE: &str = "http://jabber.org/protocol/muc#unique";
/// XEP-0410: MUC Self-Ping, feature of services that answer themselves.
pub const SELF_PING: &str = "http://jabber.org/protocol/muc#self-ping-optimization";
/// XEP-0317: Hats.
pub const HATS: &str = "urn:xmpp:hats:0";
/// XEP-0317: Hats, form of its commands.
pub const HATS_COMMANDS: &str = "urn:xmpp:hats:commands";
/// XEP-0421: Occupant identifiers for semi-anonymous MUCs.
pub const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";
/// XEP-0425: Moderated Message Retraction.
pub const MODERATION: &str = "urn:xmpp:message-moderate:1";
/// XEP-0433: Extended Channel Search.
pub const CHANNEL_SEARCH: &str = "urn:xmpp:channel-search:0:search";
/// XEP-0433: Extended Channel Search, form of a search.
pub const CHANNEL_SEARCH_PARAMETERS: &str = "urn:xmpp:channel-search:0:search-params";
/// XEP-0433: Extended Channel Search, errors.
pub const CHANNEL_SEARCH_ERRORS: &str = "urn:xmpp:channel-search:0:error";
/// XEP-0433: Extended Channel Search, keys to sort by.
pub const CHANNEL_SEARCH_ORDER: &str = "urn:xmpp:channel-search:0:order";
/// XEP-0434: Trust Messages.
pub const TRUST_MESSAGES: &str = "urn:xmpp:tm:1";
/// XEP-0450: Automatic Trust Management, as the use of a trust message.
pub const AUTOMATIC_TRUST: &str = "urn:xmpp:atm:1";
/// XEP-0463: MUC Affiliations Versioning.
pub const AFFILIATION_VERSIONS: &str = "urn:xmpp:muc:affiliations:1";
/// XEP-0503: Server-side spaces.
pub const SPACES: &str = "urn:xmpp:spaces:0";
/// XEP-0490: Message Displayed Synchronization.
pub const DISPLAYED: &str = "urn:xmpp:mds:displayed:0";
/// XEP-0490: Message Displayed Synchronization, markers in messages.
pub const DISPLAYED_ASSIST: &str = "urn:xmpp:mds:server-assist:0";
/// XEP-0492: Chat Notification Settings.
/// Web Push subscriptions (RFC 8030), ours.
pub const WEB_PUSH: &str = "urn:hauspost:webpush:0";
/// Link previews that the own server makes, a protocol of ours (`docs/previews.md`).
pub const PREVIEWS: &str = "urn:hauspost:previews:0";
/// What was written by a webhook (`docs/webhooks.md`).
pub const WEBHOOK: &str = "urn:hauspost:webhook:0";
/// Access to the REST interface for who is logged in (`docs/api-session.md`).
pub const API_SESSION: &str = "urn:hauspost:api-session:0";
/// XEP-0494: Client Access Management.
pub const CLIENT_ACCESS: &str = "urn:xmpp:cam:0";
/// XEP-0220: Server Dialback.
pub const DIALBACK: &str = "jabber:server:dialback";
/// XEP-0220: Server Dialback, stream feature.
pub const DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// The inbox, a protocol of our own (`docs/inbox.md`).
pub const INBOX: &str = "urn:hauspost:inbox:0";
/// What the house's rules want encrypted, a protocol of our own (`docs/encryption.md`).
pub const ENCRYPTION_POLICY: &str = "urn:hauspost:encryption:0";
/// XEP-0103: URL Address Information.
pub const URL_DATA: &str = "http://jabber.org/protocol/url-data";
/// XEP-0264: Jingle Content Thumbnails.
pub const THUMBNAILS: &str = "urn:xmpp:thumbs:1";
/// XEP-0385: Stateless Inline Media Sharing.
pub const MEDIA_SHARING: &str = "urn:xmpp:sims:1";
/// XEP-0393: Message Styling.
pub const STYLING: &str = "urn:xmpp:styling:0";
/// XEP-0446: File Metadata Element.
pub const FILE_METADATA: &str = "urn:xmpp:file:metadata:0";
/// XEP-0448: Encryption for Stateless File Sharing.
pub const ENCRYPTED_FILES: &str = "urn:xmpp:esfs:0";
/// XEP-0511: Link Metadata, Open Graph.
pub const OPEN_GRAPH: &str = "https://ogp.me/ns#";
/// XEP-0511: Link Metadata, Open Graph's words about pictures.
pub const OPEN_GRAPH_IMAGE: &str = "https://ogp.me/ns#image:";
/// The waveform of a voice message, ours: an element in a file's metadata.
pub const VOICE: &str = "urn:hauspost:voice:0";
/// History that goes from one device of a person to another, ours.
pub const HISTORY: &str = "urn:hauspost:history:0";
/// Messages that are pinned in a conversation (docs/protocols/pins.md).
pub const PIN: &str = "urn:hauspost:pin:0";
/// What a person's devices tell each other (docs/protocols/personal.md).
pub const PERSONAL: &str = "urn:hauspost:personal:0";
/// Extensible Resource Descriptor of host-meta (RFC 6415).
pub const HOST_META: &str = "http://docs.oasis-open.org/ns/xri/xrd-1.0";

/// Whether `namespace` is a content namespace: that of client, server or component streams.
pub fn is_content(namespace: &str) -> bool {
    matches!(namespace, CLIENT | SERVER | COMPONENT_ACCEPT)
}
