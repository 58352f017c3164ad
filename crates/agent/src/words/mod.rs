//! What people see in `chat`, in their language: one file for each, and the compiler sees that none lacks a word.

mod de;
mod en;

use client::Unreachable;

/// All words of one language.
pub(crate) struct Words {
    /// `en`, `de`: for the server.
    pub(crate) tag: &'static str,

    // Connection.
    pub(crate) offline: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) online: &'static str,
    pub(crate) waiting: fn(seconds: u64, why: &str) -> String,
    pub(crate) catching_up: fn(left: u64) -> String,

    // List of conversations.
    pub(crate) conversations: &'static str,
    pub(crate) pinned: &'static str,
    pub(crate) people: &'static str,
    pub(crate) groups: &'static str,
    pub(crate) rooms: &'static str,
    pub(crate) no_conversations: &'static str,
    pub(crate) nothing_unread: &'static str,
    pub(crate) you: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) unreadable_short: &'static str,
    pub(crate) removed_short: &'static str,
    pub(crate) file_short: &'static str,
    pub(crate) filter_unread: &'static str,
    pub(crate) filter_mentions: &'static str,

    // Head of a conversation.
    pub(crate) sealed: &'static str,
    pub(crate) seal_off: &'static str,
    pub(crate) seal_open: &'static str,
    pub(crate) count_people: fn(usize) -> String,
    pub(crate) readers: fn(devices: usize, unverified: usize) -> String,
    pub(crate) availability: [&'static str; 5],
    pub(crate) typing: fn(&[&str]) -> String,
    pub(crate) choose_conversation: &'static str,

    // Timeline.
    pub(crate) today: &'static str,
    pub(crate) yesterday: &'static str,
    pub(crate) weekdays: [&'static str; 7],
    pub(crate) months: [&'static str; 12],
    pub(crate) date: fn(weekday: &str, day: i8, month: &str, year: Option<i16>) -> String,
    pub(crate) new: &'static str,
    pub(crate) missing: &'static str,
    pub(crate) earlier: &'static str,
    pub(crate) nothing_yet: &'static str,
    pub(crate) edited: &'static str,
    pub(crate) removed: &'static str,
    pub(crate) removed_by: fn(&str) -> String,
    pub(crate) reason: fn(&str) -> String,
    pub(crate) waits_for_earlier: &'static str,
    pub(crate) unreadable: fn(&str) -> String,
    pub(crate) suspicious: fn(&str) -> String,
    pub(crate) cannot_show: &'static str,
    pub(crate) not_sent: fn(&str) -> String,
    pub(crate) send_again: &'static str,
    pub(crate) not_encrypted: &'static str,
    pub(crate) from_undecided: &'static str,
    pub(crate) from_distrusted: &'static str,
    pub(crate) clock_off: &'static str,
    pub(crate) unreached: fn(who: &str, why: &str) -> String,
    pub(crate) why_unreachable: fn(&Unreachable) -> &'static str,
    pub(crate) reply_gone: &'static str,
    pub(crate) seen_by: fn(&[&str]) -> String,
    pub(crate) newer_below: fn(usize) -> String,
    pub(crate) new_device: fn(who: &str, device: &str) -> String,
    pub(crate) key_changed: fn(who: &str, device: &str) -> String,
    pub(crate) invited: fn(Option<&str>) -> String,
    pub(crate) expelled: fn(&str) -> String,
    pub(crate) closed: fn(&str) -> String,
    pub(crate) reminder: fn(text: &str) -> String,
    pub(crate) subject_set: fn(who: &str, subject: &str) -> String,
    pub(crate) file: fn(name: &str) -> String,
    pub(crate) file_goes: &'static str,
    pub(crate) file_sent: &'static str,
    pub(crate) file_comes: &'static str,
    pub(crate) file_saved: fn(path: &str) -> String,
    pub(crate) no_file: &'static str,

    // Composer.
    pub(crate) write_here: fn(&str) -> String,
    pub(crate) editing: &'static str,
    pub(crate) replying: fn(&str) -> String,
    pub(crate) escape_ends: &'static str,

    // Panels.
    pub(crate) switch_title: &'static str,
    pub(crate) switch_empty: &'static str,
    pub(crate) new_chat: fn(&str) -> String,
    pub(crate) search_title: &'static str,
    pub(crate) search_empty: &'static str,
    pub(crate) search_hint: &'static str,
    pub(crate) details_title: &'static str,
    pub(crate) members: &'static str,
    pub(crate) devices: &'static str,
    pub(crate) own_devices: &'static str,
    pub(crate) this_device: &'static str,
    pub(crate) verified: &'static str,
    pub(crate) first_use: &'static str,
    pub(crate) undecided: &'static str,
    pub(crate) distrusted: &'static str,
    pub(crate) key_unknown: &'static str,
    pub(crate) gone: &'static str,
    pub(crate) no_devices: &'static str,
    pub(crate) details_keys: &'static str,
    pub(crate) verify_title: fn(&str) -> String,
    pub(crate) verify_theirs: &'static str,
    pub(crate) verify_ours: &'static str,
    pub(crate) verify_question: &'static str,
    pub(crate) verify_keys: &'static str,
    pub(crate) code_title: &'static str,
    pub(crate) code_hint: &'static str,
    pub(crate) code_small: &'static str,
    pub(crate) react_title: &'static str,
    pub(crate) react_hint: &'static str,
    pub(crate) confirm_remove: &'static str,
    pub(crate) confirm_expel: fn(&str) -> String,
    pub(crate) confirm_part: fn(&str) -> String,
    pub(crate) confirm_keys: &'static str,
    pub(crate) help_title: &'static str,
    pub(crate) help_commands: &'static str,
    pub(crate) help_marks: &'static str,
    pub(crate) marks: [(&'static str, &'static str); 4],
    pub(crate) too_small: &'static str,

    // What happened.
    pub(crate) contact_request: fn(&str) -> String,
    pub(crate) new_own_device: fn(u32) -> String,
    pub(crate) verified_now: fn(usize) -> String,
    pub(crate) mismatched: fn(who: &str, devices: &str) -> String,
    pub(crate) nothing_to_edit: &'static str,
    pub(crate) not_yours: &'static str,
    pub(crate) no_such_command: fn(&str) -> String,
    pub(crate) usage: fn(&str) -> String,
    pub(crate) no_address: fn(&str) -> String,
    pub(crate) done: &'static str,
    pub(crate) hints: &'static str,
    pub(crate) pick_hints: &'static str,

    // Keys and commands.
    pub(crate) keys: Keys,
    pub(crate) commands: Commands,
}

/// What keys do.
pub(crate) struct Keys {
    pub(crate) send: &'static str,
    pub(crate) new_line: &'static str,
    pub(crate) edit_last: &'static str,
    pub(crate) complete: &'static str,
    pub(crate) switch: &'static str,
    pub(crate) next: &'static str,
    pub(crate) next_unread: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) search: &'static str,
    pub(crate) details: &'static str,
    pub(crate) scroll: &'static str,
    pub(crate) latest: &'static str,
    pub(crate) pick: &'static str,
    pub(crate) picked: &'static str,
    pub(crate) back: &'static str,
    pub(crate) help: &'static str,
    pub(crate) quit: &'static str,
}

/// What the commands behind `/` do.
pub(crate) struct Commands {
    pub(crate) chat: &'static str,
    pub(crate) group: &'static str,
    pub(crate) room: &'static str,
    pub(crate) join: &'static str,
    pub(crate) part: &'static str,
    pub(crate) invite: &'static str,
    pub(crate) expel: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) file: &'static str,
    pub(crate) mute: &'static str,
    pub(crate) mentions: &'static str,
    pub(crate) unmute: &'static str,
    pub(crate) pin: &'static str,
    pub(crate) unpin: &'static str,
    pub(crate) add: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) block: &'static str,
    pub(crate) unblock: &'static str,
    pub(crate) status: &'static str,
    pub(crate) nick: &'static str,
    pub(crate) search: &'static str,
    pub(crate) details: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) code: &'static str,
    pub(crate) earlier: &'static str,
    pub(crate) help: &'static str,
    pub(crate) quit: &'static str,
}

/// The words of a language; English for those that are not here.
pub(crate) fn of(language: &str) -> &'static Words {
    if language.to_ascii_lowercase().starts_with("de") {
        &de::WORDS
    } else {
        &en::WORDS
    }
}

/// The language of the person: as the command line says, else as the system does.
pub(crate) fn language(given: Option<&str>) -> String {
    if let Some(given) = given {
        return given.to_owned();
    }
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}

/// `a, b and c`.
fn listed(names: &[&str], and: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} {and} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_the_beginning_of_their_names() {
        for (name, tag) in [
            ("de_DE.UTF-8", "de"),
            ("de", "de"),
            ("en_GB.UTF-8", "en"),
            ("C", "en"),
            ("", "en"),
        ] {
            assert_eq!(of(name).tag, tag, "{name}");
        }
    }

    #[test]
    fn names_are_listed_as_one_says_them() {
        assert_eq!(listed(&["Romeo"], "and"), "Romeo");
        assert_eq!(
            listed(&["Romeo", "Juliet", "Nurse"], "and"),
            "Romeo, Juliet and Nurse"
        );
    }
}
