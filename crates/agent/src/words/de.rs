//! Deutsch.

use client::Unreachable;

use super::{Commands, Keys, Words, listed};

pub(super) static WORDS: Words = Words {
    tag: "de",

    offline: "offline",
    connecting: "verbindet",
    online: "online",
    waiting: |seconds, why| format!("keine Verbindung: {why}. Nächster Versuch in {seconds} s"),
    catching_up: |left| match left {
        0 => "Nachrichten werden geholt".to_owned(),
        _ => format!("Nachrichten werden geholt, noch {left}"),
    },

    conversations: "Gespräche",
    pinned: "Angeheftet",
    people: "Personen",
    groups: "Gruppen",
    rooms: "Räume",
    no_conversations: "Noch keine Gespräche. Strg+K beginnt eines: gib eine Adresse ein.",
    nothing_unread: "Hier ist nichts. Strg+R zeigt wieder alle.",
    you: "Du",
    draft: "Entwurf",
    muted: "stumm",
    unreadable_short: "nicht lesbar",
    removed_short: "gelöscht",
    file_short: "Datei",
    filter_unread: "ungelesen",
    filter_mentions: "Erwähnungen",

    sealed: "Ende-zu-Ende-verschlüsselt",
    seal_off: "Nicht verschlüsselt",
    seal_open: "Offener Raum, vom Server lesbar",
    count_people: |count| match count {
        1 => "1 Person".to_owned(),
        _ => format!("{count} Personen"),
    },
    readers: |devices, unverified| {
        let devices = if devices == 1 {
            "1 Gerät".to_owned()
        } else {
            format!("{devices} Geräte")
        };
        match unverified {
            0 => format!("{devices}, bestätigt"),
            _ => format!("{devices}, {unverified} nicht bestätigt"),
        }
    },
    availability: ["offline", "lange weg", "weg", "beschäftigt", "online"],
    typing: |names| match names.len() {
        1 => format!("{} schreibt", names[0]),
        2 | 3 => format!("{} schreiben", listed(names, "und")),
        _ => "mehrere schreiben".to_owned(),
    },
    choose_conversation: "Wähle mit Alt+↓ ein Gespräch, oder öffne eines mit Strg+K.",

    today: "Heute",
    yesterday: "Gestern",
    weekdays: [
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ],
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    date: |weekday, day, month, year| match year {
        Some(year) => format!("{weekday}, {day}. {month} {year}"),
        None => format!("{weekday}, {day}. {month}"),
    },
    new: "Neu",
    missing: "Hier fehlen Nachrichten; sie werden geholt.",
    earlier: "Bild↑ holt frühere Nachrichten",
    nothing_yet: "Hier wurde noch nichts gesagt.",
    edited: "bearbeitet",
    removed: "Diese Nachricht wurde gelöscht.",
    removed_by: |who| format!("{who} hat diese Nachricht gelöscht."),
    reason: |why| format!("Grund: {why}"),
    waits_for_earlier: "Diese Nachricht wartet darauf, dass frühere entschlüsselt werden.",
    unreadable: |why| format!("Diese Nachricht ist nicht lesbar: {why}"),
    suspicious: |why| format!("VORSICHT. Dieser Nachricht ist nicht zu glauben: {why}"),
    cannot_show: "Diese Version kann diese Nachricht nicht anzeigen.",
    not_sent: |why| format!("Nicht gesendet: {why}"),
    send_again: "Strg+↑ wählt sie aus, s sendet sie noch einmal, x verwirft sie",
    not_encrypted: "nicht verschlüsselt: die Server konnten das lesen",
    from_undecided: "von einem Gerät, das noch niemand angesehen hat",
    from_distrusted: "von einem Gerät, dem du nicht glaubst",
    clock_off: "die Zeit dieser Nachricht passt nicht: sie kam spät oder noch einmal",
    unreached: |who, why| format!("Kann das nicht lesen: {who} ({why})"),
    why_unreachable: |why| match why {
        Unreachable::NoDevices => "kein Gerät, das verschlüsselt",
        Unreachable::ListUnknown | Unreachable::ListUnavailable => "Geräte sind nicht bekannt",
        Unreachable::BundleUnknown
        | Unreachable::BundleUnavailable
        | Unreachable::BundleInvalid(_) => "Schlüssel sind nicht zu bekommen",
        Unreachable::Undecided => "niemand hat das Gerät angesehen",
        Unreachable::Distrusted => "du glaubst dem Gerät nicht",
        Unreachable::NotVerified => "nicht bestätigt",
        Unreachable::Stale => "lange nichts gehört",
        Unreachable::OldForm => "das Programm dort ist zu alt dafür",
    },
    reply_gone: "eine frühere Nachricht",
    seen_by: |names| format!("Gesehen von {}", listed(names, "und")),
    newer_below: |count| match count {
        0 => "↓ Strg+Ende: neueste".to_owned(),
        _ => format!("↓ {count} neue, Strg+Ende"),
    },
    new_device: |who, device| {
        format!(
            "{who} hat ein neues Gerät ({device}). Ihm wird beim ersten Mal geglaubt; Strg+G zum Vergleichen."
        )
    },
    key_changed: |who, device| {
        format!(
            "VORSICHT. Ein Gerät von {who} ({device}) hat einen anderen Schlüssel als zuvor. Es bekommt nichts, bis du es angesehen hast (Strg+G)."
        )
    },
    invited: |by| match by {
        Some(by) => format!("{by} hat dich hinzugefügt."),
        None => "Du wurdest hinzugefügt.".to_owned(),
    },
    expelled: |why| match why {
        "" => "Du bist hier nicht mehr dabei.".to_owned(),
        _ => format!("Du bist hier nicht mehr dabei: {why}"),
    },
    closed: |why| match why {
        "" => "Das wurde endgültig geschlossen.".to_owned(),
        _ => format!("Das wurde endgültig geschlossen: {why}"),
    },
    reminder: |text| format!("Du wolltest erinnert werden: {text}"),
    subject_set: |who, subject| format!("{who} hat das Thema gesetzt: {subject}"),
    file_goes: "Die Datei wird gesendet.",
    file_sent: "Die Datei ist gesendet.",
    file_comes: "Die Datei wird geholt.",
    file_saved: |path| format!("Die Datei ist hier: {path}"),
    no_file: "Diese Nachricht hat keine Datei.",
    file: |name| format!("Datei: {name}"),

    write_here: |name| format!("An {name} schreiben"),
    editing: "Bearbeiten",
    replying: |who| format!("Antwort an {who}"),
    escape_ends: "Esc beendet das",

    switch_title: "Gehe zu",
    switch_empty: "Nichts gefunden. Gib eine Adresse ein, um jemand Neuem zu schreiben.",
    new_chat: |address| format!("An {address} schreiben"),
    search_title: "Suche",
    search_empty: "Nichts gefunden.",
    search_hint: "Wörter, oder von:Name in:Name vor:31.12.2026 hat:datei",
    details_title: "Einzelheiten",
    members: "Mitglieder",
    devices: "Geräte",
    own_devices: "Deine Geräte",
    this_device: "dieses Gerät",
    verified: "bestätigt",
    first_use: "nicht bestätigt, beim ersten Mal geglaubt",
    undecided: "neu: bekommt nichts, bis du es angesehen hast",
    distrusted: "nicht geglaubt: bekommt nichts",
    key_unknown: "Schlüssel noch nicht bekannt",
    gone: "weg",
    no_devices: "Noch kein Gerät bekannt.",
    details_keys: "Enter vergleichen · Esc zurück",
    verify_title: |who| format!("Ist das wirklich {who}?"),
    verify_theirs: "Das andere Gerät zeigt",
    verify_ours: "Dieses Gerät zeigt",
    verify_question: "Vergleicht beides, persönlich oder am Telefon.",
    verify_keys: "j Gleich · n Verschieden · q Code · Esc zurück",
    code_title: "Dein Code",
    code_hint: "Andere scannen das mit ihrem Gerät.",
    code_small: "Das Fenster ist zu klein für den Code; das hier sagt dasselbe:",
    react_title: "Reagieren",
    react_hint: "1–6, oder der Name eines Emojis · Enter wählt · Esc zurück",
    confirm_remove: "Diese Nachricht für alle löschen?",
    confirm_expel: |who| format!("{who} hier herausnehmen?"),
    confirm_part: |name| format!("{name} für immer verlassen?"),
    confirm_keys: "j Ja · Esc Nein",
    help_title: "Tasten und Befehle",
    help_commands: "Befehle",
    help_marks: "Zeichen",
    marks: [
        ("◷", "wartet auf das Senden"),
        ("✓", "ist auf einem Gerät der anderen Person"),
        ("✓✓", "wurde gesehen"),
        ("!", "wurde nicht gesendet"),
    ],
    too_small: "Das Fenster ist zu klein: 40 Spalten und 8 Zeilen braucht es.",

    contact_request: |who| {
        format!("{who} möchte sehen, wann du online bist: /allow {who} oder /deny {who}")
    },
    new_own_device: |device| {
        format!(
            "Ein neues Gerät von dir ({device}): Strg+G zeigt es. Ist es nicht deins, ändere dein Passwort."
        )
    },
    verified_now: |count| match count {
        0 => "Nichts wurde bestätigt.".to_owned(),
        1 => "1 Gerät ist jetzt bestätigt.".to_owned(),
        _ => format!("{count} Geräte sind jetzt bestätigt."),
    },
    mismatched: |who, devices| {
        format!(
            "VORSICHT. {who} hat Geräte mit anderen Schlüsseln, als der Code sagt ({devices}): jemand hört vielleicht mit."
        )
    },
    nothing_to_edit: "Hier ist keine Nachricht von dir.",
    not_yours: "Diese Nachricht ist nicht von dir.",
    no_such_command: |name| format!("Es gibt keinen Befehl /{name}. F1 zeigt alle."),
    usage: |usage| format!("Sag es so: {usage}"),
    no_address: |text| format!("„{text}“ ist keine Adresse wie name@example.org."),
    done: "Erledigt.",
    hints: "Enter senden · Strg+K gehe zu · Strg+F suchen · F1 Hilfe",
    pick_hints: "r antworten · e bearbeiten · + reagieren · d löschen · f Datei holen · s noch einmal · Esc zurück",

    keys: Keys {
        send: "senden",
        new_line: "neue Zeile",
        edit_last: "deine letzte Nachricht bearbeiten (wenn nichts getippt ist)",
        complete: ":emoji, @name, /befehl vervollständigen",
        switch: "zu einem Gespräch oder Befehl gehen",
        next: "Gespräch davor, dahinter",
        next_unread: "ungelesenes Gespräch davor, dahinter",
        filter: "alle, ungelesene, Erwähnungen zeigen",
        search: "in Gesagtem suchen",
        details: "Mitglieder und Geräte; bestätigen",
        scroll: "blättern; über den Anfang hinaus: frühere Nachrichten",
        latest: "neueste Nachricht",
        pick: "eine Nachricht auswählen",
        picked: "der ausgewählten: antworten, bearbeiten, reagieren, löschen",
        back: "zurück; Antwort oder Bearbeiten beenden",
        help: "diese Seite",
        quit: "beenden",
    },
    commands: Commands {
        chat: "jemandem schreiben",
        group: "eine private, verschlüsselte Gruppe gründen",
        room: "einen offenen Raum einrichten, vom Server lesbar",
        join: "einem Raum beitreten",
        part: "diese Gruppe oder diesen Raum für immer verlassen",
        invite: "jemanden hier hereinlassen",
        expel: "jemanden hier herausnehmen",
        subject: "sagen, worum es hier geht",
        file: "eine Datei senden",
        mute: "von diesem Gespräch nichts hören",
        mentions: "nur hören, was dich erwähnt",
        unmute: "alles hören, was gesagt wird",
        pin: "dieses Gespräch oben anheften",
        unpin: "nicht mehr",
        add: "einen Kontakt aufnehmen",
        remove: "einen Kontakt streichen",
        allow: "jemanden sehen lassen, wann du online bist",
        deny: "nicht",
        block: "von jemandem nichts mehr wollen",
        unblock: "das zurücknehmen",
        status: "sagen, wie es steht: online, away, busy, und warum",
        nick: "sagen, wie du heißt",
        search: "in Gesagtem suchen",
        details: "Mitglieder und Geräte",
        verify: "ein Gerät bestätigen, mit dem, was sein Code sagt",
        code: "deinen Code für andere zeigen",
        earlier: "frühere Nachrichten holen",
        help: "Tasten und Befehle",
        quit: "beenden",
    },
};
