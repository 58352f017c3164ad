// Generated from crates/client-wasm/src/types by `cargo xtask docs`: change it there.

/** What somebody is to a room (XEP-0045 §5.2). */
export type Affiliation = "outcast" | "none" | "member" | "admin" | "owner";
/** What came of a question. */
export type Answer = { "answer": "done" } | { "answer": "roomSetup", 
/** So. */
setup: RoomSetup, } | { "answer": "banned", 
/** They. */
bans: Array<Ban>, } | { "answer": "rooms", 
/** They. */
rooms: Array<FoundRoom>, 
/** There are more. */
more: boolean, } | { "answer": "departments", 
/** They. */
departments: Array<Department>, } | { "answer": "people", 
/** They. */
people: Array<FoundPerson>, } | { "answer": "invitations", 
/** To become a contact, and to make an account where the house lets everybody invite. */
contacts: boolean, 
/** To make an account, with name and days. */
accounts: boolean, } | { "answer": "invitation", 
/** For programs, `xmpp:`. */
uri: string, 
/** The page to pass on, where the house says which it is. */
page: string | null, 
/** Until when it holds, as XEP-0082 writes it. */
expires: string | null, } | { "answer": "administration", 
/** What stands behind `Authorization: Bearer`. */
token: string, 
/** When it ends. */
expires: Time, } | { "answer": "other" };
/** A file in a message. `core.download` fetches it; keys stay on the other side of the border. */
export type Attachment = { 
/** Which one of the message. */
index: number, 
/** What kind it is. */
kind: AttachmentKind, 
/** Its name, if it has one. */
name: string | null, 
/** Its media type, if it is known. */
mediaType: string | null, 
/** Its size in bytes, if it is known. */
size: number | null, 
/** Width of a picture or video, in pixels. */
width: number | null, 
/** Height of a picture or video, in pixels. */
height: number | null, 
/** How long it takes, in milliseconds. */
length: number | null, 
/** What its sender says of it. */
description: string | null, 
/** How loud a voice message is from its beginning to its end: 0 silent, 255 loudest. */
waveform: Array<number>, 
/** A small picture of it, in its own address (`data:`). */
thumbnail: string | null, 
/** It is encrypted; else whoever has its address can read it. */
sealed: boolean, 
/** The host from which it would be fetched, if that is not ours. */
foreignHost: string | null, };
/** What kind of file it is. */
export type AttachmentKind = "image" | "video" | "voice" | "audio" | "file";
/** Whether somebody is there. */
export type Availability = "offline" | "extendedAway" | "away" | "busy" | "online";
/** Who is banned. */
export type Ban = { 
/** Who, by address. */
account: string, 
/** Why. */
reason: string | null, };
/** A block of a text. */
export type Block = { "type": "line", 
/** From its beginning to its end. */
spans: Array<Span>, } | { "type": "pre", 
/** What stood behind the opening marks, such as the name of a language; it may be empty. */
info: string, 
/** The lines, as they are. */
text: string, } | { "type": "quote", 
/** From top to bottom. */
blocks: Array<Block>, };
/** What a message says. */
export type Body = { "type": "text", 
/** The words, to be drawn. Empty when files say it all. */
blocks: Array<Block>, 
/** Of how many emoji it consists, if of nothing else: such messages are shown large. */
onlyEmoji: number | null, 
/** The words as they were written, to edit or to copy them. */
source: string, 
/** Files. */
attachments: Array<Attachment>, 
/** What is behind its links, as its sender says. */
previews: Array<Preview>, } | { "type": "waiting" } | { "type": "unreadable", 
/** Why, for the person. */
reason: string, 
/** It was changed on its way, or is not by whom it says: not only lost, but suspicious. */
suspicious: boolean, } | { "type": "removed", 
/** By whom; `null` for its sender, else a moderator. */
by: string | null, 
/** Why. */
reason: string | null, };
/** How far the reading of the archives is. */
export type CatchUp = { 
/** How many messages are still to be decrypted, as far as is known. */
remaining: number, };
/** A step from one list to the next. Steps are done one after the other; each counts in the list as it is then. */
export type Change<T> = { "type": "remove", 
/** From where. */
at: number, } | { "type": "insert", 
/** To where. */
at: number, 
/** What. */
item: T, } | { "type": "replace", 
/** Where. */
at: number, 
/** What. */
item: T, };
/** What the person wants. It shows at once and settles when the server has it; what is done offline goes out later.
 * Conversations are named by their ids, messages by their keys, people by their addresses. */
export type Command = { "type": "openChat", 
/** With whom. */
with: string, } | { "type": "send", 
/** Where. */
conversation: string, 
/** What. */
draft: Draft, } | { "type": "edit", 
/** Where. */
conversation: string, 
/** A message of ours. */
message: string, 
/** What it says now; its `reply` counts for nothing. */
draft: Draft, } | { "type": "remove", 
/** Where. */
conversation: string, 
/** Which. */
message: string, 
/** Why, for those in the room. */
reason: string | null, } | { "type": "react", 
/** Where. */
conversation: string, 
/** To which message. */
message: string, 
/** All of them. */
reactions: Array<string>, } | { "type": "resend", 
/** Where. */
conversation: string, 
/** Which. */
message: string, } | { "type": "discard", 
/** Where. */
conversation: string, 
/** Which. */
message: string, } | { "type": "markRead", 
/** Where. */
conversation: string, 
/** The newest that was seen. */
message: string, } | { "type": "leave", 
/** Which. */
conversation: string, } | { "type": "typing", 
/** Where. */
conversation: string, 
/** Whether. */
typing: boolean, } | { "type": "setDraft", 
/** Where. */
conversation: string, 
/** What. */
text: string, } | { "type": "lookAtLink", 
/** The text, as it is so far. */
text: string, } | { "type": "setNotify", 
/** Which. */
conversation: string, 
/** What. */
notify: Notify, } | { "type": "mute", 
/** Which. */
conversation: string, 
/** Until when. */
until: Time, } | { "type": "pin", 
/** Where. */
conversation: string, 
/** Which. */
message: string, 
/** Whether. */
pinned: boolean, } | { "type": "remind", 
/** Where. */
conversation: string, 
/** Which. */
message: string, 
/** When; `null` for no more. */
at: Time | null, } | { "type": "setPinned", 
/** Which. */
conversation: string, 
/** Whether. */
pinned: boolean, } | { "type": "setEncryption", 
/** Where. */
conversation: string, 
/** Whether. */
on: boolean, } | { "type": "loadEarlier", 
/** Where. */
conversation: string, } | { "type": "createGroup", 
/** What it is called. */
name: string, 
/** Who is in it from the beginning. */
members: Array<string>, } | { "type": "createRoom", 
/** What it is called. */
name: string, } | { "type": "join", 
/** Which. */
room: string, 
/** The name to have in it; without one the usual. */
nick: string | null, } | { "type": "part", 
/** Which. */
conversation: string, } | { "type": "invite", 
/** Which. */
conversation: string, 
/** Whom. */
who: string, } | { "type": "expel", 
/** Which. */
conversation: string, 
/** Whom. */
who: string, } | { "type": "setSubject", 
/** Which. */
conversation: string, 
/** What. */
subject: string, } | { "type": "addContact", 
/** Whom. */
account: string, 
/** What to call them. */
name: string | null, } | { "type": "removeContact", 
/** Whom. */
account: string, } | { "type": "answerContact", 
/** Whom. */
account: string, 
/** Whether they may. */
allow: boolean, } | { "type": "setBlocked", 
/** Whom. */
account: string, 
/** Whether. */
blocked: boolean, } | { "type": "setAvailability", 
/** Whether we are there. */
availability: Availability, 
/** In words; empty for none. */
status: string, } | { "type": "setNickname", 
/** It. */
name: string, } | { "type": "setPicture", 
/** It. */
picture: Picture | null, } | { "type": "setPolicy", 
/** Which. */
policy: Policy, } | { "type": "verify", 
/** Whose. */
account: string, 
/** Which. */
identity: string, } | { "type": "accept", 
/** Whose. */
account: string, 
/** Which. */
identity: string, } | { "type": "distrust", 
/** Whose. */
account: string, 
/** Which. */
identity: string, } | { "type": "verifyUri", 
/** What it says. */
uri: string, } | { "type": "replaceSession", 
/** Whose. */
account: string, 
/** Which. */
device: number, } | { "type": "revokeDevice", 
/** Which. */
device: number, } | { "type": "ask", 
/** What. */
question: Question, } | { "type": "showHistoryCode", 
/** What this device is. */
role: HistoryRole, } | { "type": "scanHistoryCode", 
/** What it says. */
text: string, 
/** What this device is. */
role: HistoryRole, } | { "type": "stopHistory" } | { "type": "connect" } | { "type": "disconnect" };
/** How far we are with the server. */
export type Connection = { "type": "offline" } | { "type": "waiting", 
/** When. */
until: Time, 
/** Why the last one failed, for the person. */
text: string, } | { "type": "connecting" } | { "type": "online" };
/** Somebody in the roster. */
export type Contact = { 
/** Who, by address. */
account: string, 
/** What to call them. */
name: string, 
/** We see when they are there. */
seen: boolean, 
/** They see when we are there. */
seesUs: boolean, 
/** We have asked, and they have not answered. */
asked: boolean, 
/** Groups of the roster: departments. */
groups: Array<string>, 
/** Whether they are there. */
availability: Availability, 
/** In their words; empty for none. */
status: string, 
/** Their picture, for `core.picture`. */
picture: string | null, };
/** A row of the list. */
export type Conversation = { 
/** Which: the address of the person or room. */
id: string, 
/** With whom. */
kind: ConversationKind, 
/** What it is called. */
name: string, 
/** The department whose room it is. */
department: string | null, 
/** What a group or room is about just now; empty for nothing. */
subject: string, 
/** Its picture, for `core.picture`. */
picture: string | null, 
/** It stands above the others. */
pinned: boolean, 
/** What the person wants to hear of it. */
notify: Notify, 
/** It is muted until then, and after that as it was. */
mutedUntil: Time | null, 
/** Nothing comes from there any more, because the person wants that. */
blocked: boolean, 
/** Unread messages. */
unread: number, 
/** Those of them that mention the person. */
mentions: number, 
/** The newest message. */
last: LastMessage | null, 
/** What was typed and not sent; empty for nothing. */
draft: string, 
/** Whether the person is there; of a room, whether we are in it. */
availability: Availability, 
/** In the person's words; empty for none. */
status: string, 
/** The names of those who are typing. */
typing: Array<string>, 
/** How it is protected. */
seal: Seal, 
/** The rules of the house want it encrypted: nothing else gets through. */
mustSeal: boolean, 
/** Something can be said here to one alone. */
whispers: boolean, 
/** Why nothing can be said here, for the person; `null` when something can. */
cannotWrite: string | null, 
/** When something was said last, or the conversation was opened. */
active: Time, };
/** What kind of conversation it is. */
export type ConversationKind = "person" | "group" | "room";
/** All conversations: pinned ones first, then the newest first. */
export type ConversationList = { 
/** The rows. What has not changed is the same object as before. */
rows: Array<Conversation>, 
/** How many of them have something unread and are not muted. */
unread: number, };
/** How far a message came. */
export type Delivery = { "type": "received" } | { "type": "waiting" } | { "type": "kept" } | { "type": "delivered" } | { "type": "displayed" } | { "type": "failed", 
/** Why, and what to do, for the person. */
text: string, };
/** The rooms of a department. */
export type Department = { 
/** Its name. */
name: string, 
/** Its rooms. */
rooms: Array<FoundRoom>, };
/** A device of somebody. */
export type Device = { 
/** Whose. */
account: string, 
/** Its number. */
device: number, 
/** It is this one. */
this: boolean, 
/** What its user calls it. */
label: string | null, 
/** What names its key, for commands; `null` while it was not seen. */
identity: string | null, 
/** Its key as people compare it: eight groups of eight digits. */
fingerprint: string | null, 
/** What was decided about it; `null` while its key was not seen. */
trust: Trust | null, 
/** It is in use: its account lists it. */
listed: boolean, 
/** It understands all that we send; else only words, and files as addresses. */
modern: boolean, 
/** When it was last heard. */
heard: Time | null, };
/** What a command did at once. */
export type Done = { "type": "done" } | { "type": "message", 
/** Which. */
message: string, } | { "type": "conversation", 
/** Which. */
conversation: string, } | { "type": "asked", 
/** Names the question, for the event `answered`. */
question: number, } | { "type": "historyCode", 
/** As text. */
text: string, 
/** The rows of its QR code: `1` is dark. */
qr: Array<string>, } | { "type": "link", 
/** Which. */
link: string | null, } | { "type": "verified", 
/** Whose devices they are. */
account: string, 
/** How many keys are verified now. */
verified: number, 
/** Devices whose key is another one: somebody may be listening. */
mismatched: Array<number>, };
/** What is to be said. */
export type Draft = { 
/** As it was typed. `:names:` of emoji are replaced. */
text: string, 
/** To which message of the conversation it answers. */
reply?: string | null, 
/** Whom it mentions, and where. */
mentions?: Array<MentionIn>, 
/** To whom alone, in an open room: the name there. */
privateTo?: string | null, 
/** The link of which a preview goes along, as `lookAtLink` has given it. */
preview?: string | null, };
/** An emoji to choose. */
export type EmojiChoice = { 
/** The emoji. */
emoji: string, 
/** Its name, without colons. */
name: string, };
/** Something has happened that is told once: for notifications and for lines that go again. What is to be seen of it is in
 * the views. */
export type Event = { "type": "message", 
/** Where. */
conversation: string, 
/** Which. */
message: string, 
/** Whether the person wants to hear of it. */
notify: boolean, 
/** It mentions the person. */
mention: boolean, 
/** What the conversation is called. */
title: string, 
/** Who wrote; empty in a conversation with one person. */
sender: string, 
/** One line of it. */
text: string, } | { "type": "reminder", 
/** Where. */
conversation: string, 
/** Of which. */
message: string, 
/** What the conversation is called. */
title: string, 
/** One line of it. */
text: string, } | { "type": "newOwnDevice", 
/** Its number. */
device: number, } | { "type": "contactRequest", 
/** Who. */
account: string, } | { "type": "refused", 
/** What was to be done, in a few words. */
what: string, 
/** What happened and what to do, for the person. */
text: string, } | { "type": "answered", 
/** Which. */
question: number, 
/** What; `null` when it was refused. */
answer: Answer | null, 
/** Why it was. */
refusal: Refusal | null, } | { "type": "history", 
/** How far it is. */
step: HistoryStep, 
/** So many messages so far; when this device takes, those that are new to it. */
messages: number, 
/** Why it has failed, for the person. */
failed: string | null, } | { "type": "preview", 
/** The link. */
link: string, 
/** How the message would show it; `null` when there is nothing to show. */
preview: Preview | null, } | { "type": "transfer", 
/** Which, as `core.sendFile` or `core.download` named it. */
transfer: string, 
/** How many of its bytes have moved, of all. */
sent: number, 
/** Its size. */
size: number, 
/** Why it failed, for the person. */
failed: string | null, 
/** The message stands in the timeline. */
done: boolean, };
/** Why something was not done. */
export type Failure = { 
/** What kind of failure it is, for those who have words of their own for it. */
kind: FailureKind, 
/** What happened and what to do, for the person. */
text: string, };
/** Kinds of failures. */
export type FailureKind = "notFound" | "notPossible" | "offline" | "storage" | "protocol";
/** Some of what was found. */
export type Found = { 
/** The messages, newest first. */
messages: Array<FoundMessage>, 
/** Where it goes on; `null` when there are no more. */
next: string | null, };
/** A message that was found. */
export type FoundMessage = { 
/** Where it was said. */
conversation: string, 
/** What that is called. */
conversationName: string, 
/** The message. */
message: Message, };
/** Somebody who was found. */
export type FoundPerson = { 
/** Who, by address. */
account: string, 
/** What they are called. */
name: string, };
/** A room that was found. */
export type FoundRoom = { 
/** Its address. */
room: string, 
/** What it is called. */
name: string, 
/** What it is for. */
description: string | null, 
/** How many are there, where that is told. */
people: number | null, 
/** Anybody may come in, as far as it is known. */
open: boolean | null, 
/** We are in it. */
joined: boolean, };
/** What a device is in a hand-over of history. */
export type HistoryRole = "old" | "new";
/** How far a hand-over of history is. */
export type HistoryStep = "giving" | "given" | "taking" | "taken" | "failed";
/** A line of a timeline. `id` tells what is the same line in two lists. */
export type Item = { "type": "day", 
/** Names the line. */
id: string, 
/** Days since 1970-01-01, in the person's time. */
day: number, } | { "type": "unread", 
/** Names the line. */
id: string, } | { "type": "missing", 
/** Names the line. */
id: string, } | { "type": "message", 
/** Names the line: the message's key. */
id: string, 
/** It. */
message: Message, } | { "type": "notice", 
/** Names the line: its key. */
id: string, 
/** When. */
time: Time, 
/** What. */
notice: Notice, };
/** One line of the newest message. */
export type LastMessage = { 
/** Which. */
key: string, 
/** When. */
time: Time, 
/** Who said it; empty in a conversation with one person. */
sender: string, 
/** We said it. */
own: boolean, 
/** What; empty when it has no words, or none that can be read. */
text: string, 
/** It cannot be read, or not yet. */
unreadable: boolean, 
/** It was taken back. */
removed: boolean, };
/** Somebody in a group or room. */
export type Member = { 
/** The account, where it is known. */
account: string | null, 
/** The name in the room; `null` when they are not there just now. */
nick: string | null, 
/** What to show. */
name: string, 
/** It is us. */
own: boolean, 
/** What they are to the room. */
affiliation: Affiliation, 
/** What they may do just now; `null` when they are not there. */
role: Role | null, 
/** Whether they are there. */
availability: Availability, };
/** Somebody is mentioned in a text that is being written. */
export type MentionIn = { 
/** Where it begins, as JavaScript counts (UTF-16 units). */
begin: number, 
/** Where it ends. */
end: number, 
/** Who. */
account: string, };
/** Something that was said. */
export type Message = { 
/** Names it within its conversation. As text, the larger, the later it stands. */
key: string, 
/** Its id in the archive, once it is known: for links to it. */
archiveId: string | null, 
/** Who said it. */
sender: Sender, 
/** When. */
time: Time, 
/** What. */
body: Body, 
/** To what it answers. */
reply: ReplyTo | null, 
/** The other one, when it was said to one alone within a room. */
private: string | null, 
/** It mentions us. */
mentionsUs: boolean, 
/** When it was changed last. */
edited: Time | null, 
/** What some feel about it, the first one first. */
reactions: Array<Reaction>, 
/** How far it came. */
delivery: Delivery, 
/** How it was protected on its way. */
protection: Protection, 
/** Whom it could not reach. */
unreached: Array<Unreached>, 
/** It is pinned. */
pinned: boolean, 
/** The person is reminded of it then. */
remindAt: Time | null, };
/** Where the part of a timeline goes. */
export type MoveTo = { "type": "earlier" } | { "type": "later" } | { "type": "latest" } | { "type": "around", 
/** Which. */
message: string, };
/** A picture that was chosen. */
export type NewPicture = { 
/** `image/png` or `image/jpeg`. */
mediaType: string, 
/** Width in pixels. */
width: number, 
/** Height in pixels. */
height: number, 
/** Its bytes, as base64. */
data: string, };
/** Something that has happened in a conversation. */
export type Notice = { "type": "newDevice", 
/** Whose. */
account: string, 
/** Which. */
device: number, } | { "type": "keyChanged", 
/** Whose. */
account: string, 
/** Which. */
device: number, } | { "type": "invited", 
/** Who wanted it, if that is known. */
by: string | null, } | { "type": "expelled", 
/** Why; empty for no reason. */
reason: string, } | { "type": "closed", 
/** Why; empty when nobody said. */
reason: string, } | { "type": "reminder", 
/** Of which; `null` when it is not here any more. */
message: string | null, 
/** One line of it. */
text: string, } | { "type": "subject", 
/** Who has set it. */
by: string, 
/** What it says. */
subject: string, } | { "type": "other" };
/** What the person wants to hear of a conversation. */
export type Notify = "always" | "onMention" | "never";
/** This device's key, for others to compare with. */
export type OwnKey = { 
/** The number of this device. */
device: number, 
/** As people compare it. */
fingerprint: string, 
/** What a QR code shows: an address `xmpp:…`. */
uri: string, 
/** The QR code: each a row of modules, `1` for dark. */
qr: Array<string>, };
/** A picture of somebody: small, square, best a PNG. */
export type Picture = { 
/** `image/png`. */
mediaType: string, 
/** In pixels. */
width: number, 
/** In pixels. */
height: number, 
/** Its bytes in Base64. */
data: string, };
/** Which devices are written to. */
export type Policy = "firstUse" | "verifiedOnly";
/** What is behind a link, as the sender of the message says. */
export type Preview = { 
/** The link, as it stands in the text. */
url: string, 
/** Its host, to be shown whatever else the preview says. */
host: string, 
/** What the page is called. */
title: string, 
/** What it is about. */
description: string | null, 
/** What the site says it is called. */
siteName: string | null, 
/** A small picture, in its own address (`data:`). */
picture: string | null, 
/** What the picture shows, in words. */
pictureAlt: string | null, };
/** What is known of somebody. */
export type Profile = { 
/** Who, by address. */
account: string, 
/** What to call them. */
name: string, 
/** It is us. */
own: boolean, 
/** As a contact, if they are one. */
contact: Contact | null, 
/** They want to see when we are there, and were not answered. */
requests: boolean, 
/** Nothing comes from them any more, because we want that. */
blocked: boolean, 
/** Their picture, for `core.picture`. */
picture: string | null, 
/** Whether they are there. */
availability: Availability, 
/** In their words; empty for none. */
status: string, };
/** How a message was protected on its way. */
export type Protection = { "type": "own" } | { "type": "encrypted", 
/** Which. */
device: number, 
/** How far that device was trusted when the message came. */
trust: Trust, 
/** When it says it was written is not when it was sent: a clock is wrong, or somebody sent it again. */
timeIsOff: boolean, } | { "type": "readable" } | { "type": "sealed" };
/** Something that is asked once. */
export type Query = { "query": "search", 
/** Words and filters, as the person has typed them. */
text: string, 
/** Where the page before has ended. */
from?: string | null, 
/** How many at most. */
limit: number, } | { "query": "emoji", 
/** What stands behind the colon. */
prefix: string, 
/** How many at most. */
limit: number, } | { "query": "ownKey" } | { "query": "qr", 
/** It. */
text: string, };
/** What is asked, or wanted with an answer. Rooms are named as conversations, people by their addresses. */
export type Question = { "ask": "roomSetup", 
/** Which. */
room: string, } | { "ask": "setUpRoom", 
/** Which. */
room: string, 
/** How. */
setup: RoomSetup, } | { "ask": "setRoomPicture", 
/** Which. */
room: string, 
/** It. */
picture: NewPicture | null, } | { "ask": "setAffiliation", 
/** Which. */
room: string, 
/** Whom. */
who: string, 
/** What. */
affiliation: Affiliation, 
/** Why, for them and those in the room. */
reason: string | null, } | { "ask": "setRole", 
/** Which. */
room: string, 
/** Whom, by their name there. */
nick: string, 
/** What. */
role: Role, 
/** Why, for them and those in the room. */
reason: string | null, } | { "ask": "banned", 
/** Which. */
room: string, } | { "ask": "closeRoom", 
/** Which. */
room: string, 
/** Why, for those in it. */
reason: string | null, } | { "ask": "findRooms", 
/** All of these words; none for all rooms. */
words: string, 
/** Behind this one, the last of the page before. */
after: string | null, } | { "ask": "departmentRooms" } | { "ask": "findPeople", 
/** All of these words. */
words: string, } | { "ask": "invitations" } | { "ask": "administration" } | { "ask": "invitePerson", 
/** An account is made by it, and the rest can be chosen; else it is as the house has it. */
account: boolean, 
/** The name of the account; free to choose without. */
name: string | null, 
/** For how many days it holds. */
days: number | null, };
/** What some feel about a message. */
export type Reaction = { 
/** The emoji. */
emoji: string, 
/** Whose it is, by name. */
senders: Array<string>, 
/** We are among them. */
own: boolean, };
/** Up to where somebody has read. */
export type ReadBy = { 
/** Who, by name. */
name: string, 
/** The newest message that they have seen. */
key: string, };
/** Who can read in a conversation. */
export type Readers = { 
/** It is known; else it is not encrypted, or the devices have not been asked for. */
known: boolean, 
/** How many people. */
people: number, 
/** How many devices. */
devices: number, 
/** How many of the devices were compared. */
verified: number, 
/** Whom a message would not reach. */
unreached: Array<Unreached>, };
/** Why a question was not answered. */
export type Refusal = { 
/** What the server calls it, such as `forbidden`; `null` when it did not answer. */
condition: string | null, 
/** In words of the server, or ours. */
text: string, };
/** What the engine says. */
export type Reply = { "type": "done", 
/** What came of it. */
done: Done, } | { "type": "found", 
/** It. */
found: Found, } | { "type": "emoji", 
/** They. */
choices: Array<EmojiChoice>, } | { "type": "ownKey", 
/** It. */
key: OwnKey, } | { "type": "qr", 
/** Each a row of modules, `1` for dark. */
rows: Array<string>, } | { "type": "failed", 
/** Why. */
failure: Failure, };
/** To what a message answers. */
export type ReplyTo = { 
/** Which message, when it is here. */
to: string | null, 
/** Who had said it. */
sender: string, 
/** One line of it; empty when it is not here. */
text: string, };
/** What the page asks. */
export type Request = { "type": "subscribe", 
/** The name. */
subscription: string, 
/** What. */
view: View, } | { "type": "unsubscribe", 
/** The name. */
subscription: string, } | { "type": "move", 
/** The name. */
subscription: string, 
/** Where to. */
to: MoveTo, } | { "type": "command", 
/** What. */
command: Command, } | { "type": "query", 
/** What. */
query: Query, };
/** What somebody may do in a room (XEP-0045 §5.1). */
export type Role = "none" | "visitor" | "participant" | "moderator";
/** How a room is set up. */
export type RoomSetup = { 
/** What it is called. */
name: string, 
/** What it is for. */
description: string, 
/** Only members come in, and see each other's addresses, so that they can encrypt. */
membersOnly: boolean, 
/** It stands in the public list. */
listed: boolean, 
/** Newcomers read only, until somebody gives them voice. */
moderated: boolean, 
/** Everybody in it may change the subject, not only moderators. */
subjectByAll: boolean, 
/** Members may invite others, not only administrators. */
membersInvite: boolean, 
/** What is said is kept. */
archived: boolean, 
/** So many messages are shown to who comes in without a history of their own. */
history: number, 
/** The department whose people are its members; only read. */
department: string | null, };
/** How what is said in a conversation is protected. */
export type Seal = "encrypted" | "off" | "open";
/** Who says something. */
export type Sender = { 
/** What to call them. */
name: string, 
/** The account, where it is known. */
account: string | null, 
/** What stands for them where a colour or a grouping is needed: the account, else the name in the room. */
id: string, 
/** It is us. */
own: boolean, };
/** Whether somebody is signed in here, and how far we are with the server. */
export type Session = { "type": "signedOut", 
/** The domain of addresses here. */
domain: string, 
/** Another device of theirs has taken this one out: what was kept here is deleted. */
revoked: boolean, } | { "type": "signedIn", 
/** Their address. */
account: string, 
/** What they are called. */
name: string, 
/** Their picture, for `core.picture`. */
picture: string | null, 
/** The number of this device. */
device: number, 
/** What others see of us. */
availability: Availability, 
/** In words; empty for none. */
status: string, 
/** How far we are with the server. */
connection: Connection, 
/** Nobody can log in any more until other credentials come: what happened, for the person. */
loginFailed: string | null, 
/** The reading of what was said while we were away. */
catchUp: CatchUp | null, 
/** They have a role in the house: the pages of administration are for them. */
administers: boolean, };
/** How a view looks now. */
export type Shown = { "view": "session", "value": Session } | { "view": "conversations", "value": ConversationList } | { "view": "conversation", "value": Conversation | null } | { "view": "timeline", "value": Timeline } | { "view": "members", "value": Array<Member> } | { "view": "pins", "value": Array<Message> } | { "view": "readers", "value": Readers } | { "view": "devices", "value": Array<Device> } | { "view": "profile", "value": Profile } | { "view": "contacts", "value": Array<Contact> } | { "view": "contactRequests", "value": Array<string> };
/** A part of a line. */
export type Span = { "type": "text", 
/** The text. */
text: string, } | { "type": "strong", 
/** What is so. */
spans: Array<Span>, } | { "type": "emphasis", 
/** What is so. */
spans: Array<Span>, } | { "type": "strikethrough", 
/** What is so. */
spans: Array<Span>, } | { "type": "code", 
/** The text. */
text: string, } | { "type": "link", 
/** What to open; what the text shows, with a scheme before it where that is left out. */
url: string, 
/** What to show. */
text: string, } | { "type": "mention", 
/** Who, by address. */
account: string, 
/** What to show. */
text: string, 
/** It is us. */
own: boolean, } | { "type": "emoji", 
/** It. */
text: string, };
/** Milliseconds since 1970. */
export type Time = number;
/** A part of a timeline. */
export type Timeline = { 
/** Of which conversation. */
conversation: string, 
/** What there is, the oldest first. What has not changed is the same object as before. */
items: Array<Item>, 
/** There is something before, here or in the archive. */
hasEarlier: boolean, 
/** There is something behind: the part does not reach to the newest message. */
hasLater: boolean, 
/** Up to where others have read. */
readBy: Array<ReadBy>, };
/** What the engine says by itself. */
export type Told = { "type": "view", 
/** The name of the subscription. */
subscription: string, 
/** What is new. */
update: Update, } | { "type": "event", 
/** What. */
event: Event, };
/** What was decided about a device, and by whom. */
export type Trust = { 
/** What. */
level: TrustLevel, 
/** Another verified device did, and said so. */
automatic: boolean, };
/** What was decided about a device. */
export type TrustLevel = "undecided" | "firstUse" | "verified" | "distrusted";
/** Whom a message does not reach. */
export type Unreached = { 
/** The account. */
account: string, 
/** The device; `null` for all of them. */
device: number | null, 
/** Why. */
reason: UnreachedReason, };
/** Why somebody is not reached. */
export type UnreachedReason = "noDevices" | "notYetKnown" | "unavailable" | "undecided" | "distrusted" | "notVerified" | "other";
/** What is new in a view. */
export type Update = { "type": "whole", 
/** How it looks now. */
shown: Shown, } | { "type": "conversations", 
/** The steps. */
changes: Array<Change<Conversation>>, 
/** As [`ConversationList::unread`]. */
unread: number, } | { "type": "timeline", 
/** The steps. */
changes: Array<Change<Item>>, 
/** As [`Timeline::has_earlier`]. */
hasEarlier: boolean, 
/** As [`Timeline::has_later`]. */
hasLater: boolean, 
/** As [`Timeline::read_by`]. */
readBy: Array<ReadBy>, };
/** Something to look at. It is told once, and again whenever it changes. */
export type View = { "view": "session" } | { "view": "conversations" } | { "view": "conversation", 
/** Which. */
conversation: string, } | { "view": "timeline", 
/** Which. */
conversation: string, 
/** The message around which it begins; without one it begins with the newest. */
around?: string | null, } | { "view": "members", 
/** Which. */
conversation: string, } | { "view": "pins", 
/** Which. */
conversation: string, } | { "view": "readers", 
/** Which. */
conversation: string, } | { "view": "devices", 
/** Whose. */
account: string, } | { "view": "profile", 
/** Of whom. */
account: string, } | { "view": "contacts" } | { "view": "contactRequests" };
