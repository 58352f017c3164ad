//! English.

use client::Unreachable;

use super::{Commands, Keys, Words, listed};

pub(super) static WORDS: Words = Words {
    tag: "en",

    offline: "offline",
    connecting: "connecting",
    online: "online",
    waiting: |seconds, why| format!("no connection: {why}. Next attempt in {seconds} s"),
    catching_up: |left| match left {
        0 => "fetching messages".to_owned(),
        _ => format!("fetching messages, {left} left"),
    },

    conversations: "Conversations",
    pinned: "Pinned",
    people: "People",
    groups: "Groups",
    rooms: "Rooms",
    no_conversations: "No conversations yet. Ctrl+K opens one: type an address.",
    nothing_unread: "Nothing here. Ctrl+R shows all again.",
    you: "You",
    draft: "Draft",
    muted: "muted",
    unreadable_short: "cannot be read",
    removed_short: "deleted",
    file_short: "File",
    filter_unread: "unread",
    filter_mentions: "mentions",

    sealed: "End-to-end encrypted",
    seal_off: "Not encrypted",
    seal_open: "Open room, readable by the server",
    count_people: |count| match count {
        1 => "1 person".to_owned(),
        _ => format!("{count} people"),
    },
    readers: |devices, unverified| {
        let devices = if devices == 1 {
            "1 device".to_owned()
        } else {
            format!("{devices} devices")
        };
        match unverified {
            0 => format!("{devices}, verified"),
            _ => format!("{devices}, {unverified} not verified"),
        }
    },
    availability: ["offline", "away for long", "away", "busy", "online"],
    typing: |names| match names.len() {
        1 => format!("{} is typing", names[0]),
        2 | 3 => format!("{} are typing", listed(names, "and")),
        _ => "several people are typing".to_owned(),
    },
    choose_conversation: "Choose a conversation with Alt+↓, or open one with Ctrl+K.",

    today: "Today",
    yesterday: "Yesterday",
    weekdays: [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    date: |weekday, day, month, year| match year {
        Some(year) => format!("{weekday}, {day} {month} {year}"),
        None => format!("{weekday}, {day} {month}"),
    },
    new: "New",
    missing: "Messages are missing here; they are being fetched.",
    earlier: "PgUp fetches earlier messages",
    nothing_yet: "Nothing was said here yet.",
    edited: "edited",
    removed: "This message was deleted.",
    removed_by: |who| format!("{who} has deleted this message."),
    reason: |why| format!("Reason: {why}"),
    waits_for_earlier: "This message waits for earlier ones to be decrypted.",
    unreadable: |why| format!("This message cannot be read: {why}"),
    suspicious: |why| format!("CAUTION. This message cannot be believed: {why}"),
    cannot_show: "This version cannot show this message.",
    not_sent: |why| format!("Not sent: {why}"),
    send_again: "Ctrl+↑ selects it, s sends it again, x throws it away",
    not_encrypted: "not encrypted: the servers could read this",
    from_undecided: "from a device that nobody has looked at",
    from_distrusted: "from a device that you do not believe",
    clock_off: "the time of this message does not fit: it was late, or sent again",
    unreached: |who, why| format!("Cannot read this: {who} ({why})"),
    why_unreachable: |why| match why {
        Unreachable::NoDevices => "no device that encrypts",
        Unreachable::ListUnknown | Unreachable::ListUnavailable => "devices are not known",
        Unreachable::BundleUnknown
        | Unreachable::BundleUnavailable
        | Unreachable::BundleInvalid(_) => "keys cannot be fetched",
        Unreachable::Undecided => "nobody has looked at the device",
        Unreachable::Distrusted => "you do not believe the device",
        Unreachable::NotVerified => "not verified",
        Unreachable::Stale => "silent for long",
        Unreachable::OldForm => "its program is too old for this",
    },
    reply_gone: "an earlier message",
    seen_by: |names| format!("Seen by {}", listed(names, "and")),
    newer_below: |count| match count {
        0 => "↓ Ctrl+End: newest".to_owned(),
        _ => format!("↓ {count} new, Ctrl+End"),
    },
    new_device: |who, device| {
        format!(
            "{who} has a new device ({device}). It is believed on first use; Ctrl+G to compare."
        )
    },
    key_changed: |who, device| {
        format!(
            "CAUTION. A device of {who} ({device}) has another key than before. Nothing is written to it until you have looked at it (Ctrl+G)."
        )
    },
    invited: |by| match by {
        Some(by) => format!("{by} has added you."),
        None => "You were added.".to_owned(),
    },
    expelled: |why| match why {
        "" => "You are not in here any more.".to_owned(),
        _ => format!("You are not in here any more: {why}"),
    },
    closed: |why| match why {
        "" => "This was closed for good.".to_owned(),
        _ => format!("This was closed for good: {why}"),
    },
    reminder: |text| format!("You wanted to be reminded: {text}"),
    subject_set: |who, subject| format!("{who} has set the subject: {subject}"),
    file_goes: "The file is being sent.",
    file_sent: "The file is sent.",
    file_comes: "The file is being fetched.",
    file_saved: |path| format!("The file is here: {path}"),
    no_file: "This message has no file.",
    file: |name| format!("File: {name}"),

    write_here: |name| format!("Write to {name}"),
    editing: "Editing",
    replying: |who| format!("Reply to {who}"),
    escape_ends: "Esc ends this",

    switch_title: "Go to",
    switch_empty: "Nothing found. Type an address to write to somebody new.",
    new_chat: |address| format!("Write to {address}"),
    search_title: "Search",
    search_empty: "Nothing found.",
    search_hint: "Words, or from:name in:name before:2026-12-31 has:file",
    details_title: "Details",
    members: "Members",
    devices: "Devices",
    own_devices: "Your devices",
    this_device: "this device",
    verified: "verified",
    first_use: "not verified, believed on first use",
    undecided: "new: nothing is written to it before you have looked at it",
    distrusted: "not believed: nothing is written to it",
    key_unknown: "key not known yet",
    gone: "gone",
    no_devices: "No device is known yet.",
    details_keys: "Enter compare · Esc back",
    verify_title: |who| format!("Is this really {who}?"),
    verify_theirs: "Their device shows",
    verify_ours: "This device shows",
    verify_question: "Compare both, in person or on the phone.",
    verify_keys: "y They match · n They differ · q Code · Esc back",
    code_title: "Your code",
    code_hint: "Others scan this with their device.",
    code_small: "The window is too small for the code; this says the same:",
    react_title: "React",
    react_hint: "1–6, or the name of an emoji · Enter chooses · Esc back",
    confirm_remove: "Delete this message for all?",
    confirm_expel: |who| format!("Take {who} out of here?"),
    confirm_part: |name| format!("Leave {name} for good?"),
    confirm_keys: "y Yes · Esc No",
    help_title: "Keys and commands",
    help_commands: "Commands",
    help_marks: "Marks",
    marks: [
        ("◷", "waits to be sent"),
        ("✓", "has come to a device of the other person"),
        ("✓✓", "was seen"),
        ("!", "was not sent"),
    ],
    too_small: "The window is too small: 40 columns and 8 lines are needed.",

    contact_request: |who| {
        format!("{who} wants to see when you are online: /allow {who} or /deny {who}")
    },
    new_own_device: |device| {
        format!(
            "A new device of yours ({device}): Ctrl+G shows it. If it is not yours, change your password."
        )
    },
    verified_now: |count| match count {
        0 => "Nothing was verified.".to_owned(),
        1 => "1 device is verified now.".to_owned(),
        _ => format!("{count} devices are verified now."),
    },
    mismatched: |who, devices| {
        format!(
            "CAUTION. {who} has devices with other keys than the code says ({devices}): somebody may be listening."
        )
    },
    nothing_to_edit: "There is no message of yours to edit.",
    not_yours: "This message is not yours.",
    no_such_command: |name| format!("There is no command /{name}. F1 lists all."),
    usage: |usage| format!("Say it like this: {usage}"),
    no_address: |text| format!("“{text}” is no address, such as name@example.org."),
    done: "Done.",
    hints: "Enter send · Ctrl+K go to · Ctrl+F search · F1 help",
    pick_hints: "r reply · e edit · + react · d delete · f save file · s send again · Esc back",

    keys: Keys {
        send: "send",
        new_line: "new line",
        edit_last: "edit your last message (when nothing is typed)",
        complete: "complete :emoji, @name, /command",
        switch: "go to a conversation or command",
        next: "conversation before, behind",
        next_unread: "unread conversation before, behind",
        filter: "show all, unread, mentions",
        search: "search in what was said",
        details: "members and devices; verify",
        scroll: "scroll; beyond the top, earlier messages",
        latest: "newest message",
        pick: "select a message",
        picked: "of a selected one: reply, edit, react, delete",
        back: "back; end reply or edit",
        help: "this page",
        quit: "quit",
    },
    commands: Commands {
        chat: "write to somebody",
        group: "make a private, encrypted group",
        room: "make an open room, readable by the server",
        join: "join a room",
        part: "leave this group or room for good",
        invite: "let somebody in here",
        expel: "take somebody out of here",
        subject: "say what this is about",
        file: "send a file",
        mute: "hear nothing of this conversation",
        mentions: "hear only of what mentions you",
        unmute: "hear of all that is said",
        pin: "keep this conversation at the top",
        unpin: "no longer",
        add: "add a contact",
        remove: "remove a contact",
        allow: "let somebody see when you are online",
        deny: "do not",
        block: "want nothing more of somebody",
        unblock: "take that back",
        status: "say how you are: online, away, busy, and why",
        nick: "say what you are called",
        search: "search in what was said",
        details: "members and devices",
        verify: "verify a device by what its code says",
        code: "show your code for others",
        earlier: "fetch earlier messages",
        help: "keys and commands",
        quit: "quit",
    },
};
