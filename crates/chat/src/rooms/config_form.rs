//! The form by which owners set a room up (XEP-0045 §10.1.3, §15.5.3).
//!
//! Besides the fields of the specification it has two of this server: `hauspost#preset`, which sets
//! everything to one of the plain kinds of room, and `hauspost#group`, the group of the directory
//! whose people are members.

use std::sync::Arc;

use base::{Jid, Redacted};
use store::{Affiliation as Standing, PrivateMessages, RoomConfig, Whois};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::muc::Affiliation;

use super::enter::MOST_OCCUPANTS;
use super::room::State;

/// Longest text of a field, in bytes.
const LONGEST: usize = 4096;
const PRESET: &str = "hauspost#preset";
const GROUP: &str = "hauspost#group";
const HISTORY: &str = "muc#maxhistoryfetch";
const ROLES: [&str; 3] = ["moderator", "participant", "visitor"];

/// The form with the room's present values.
pub(super) fn form(state: &State, name: &str) -> DataForm {
    let config = &state.config;
    let mut form = DataForm::new(FormKind::Form, ns::MUC_ROOM_CONFIG);
    form.title = Some(format!("Configuration of the room {name}"));
    let mut add = |label: &str, field: Field| {
        form.fields.push(Field {
            label: Some(label.to_owned()),
            ..field
        });
    };
    let text = |var: &str, value: &Option<Arc<str>>| {
        Field::new(var, "text-single", value.iter().map(ToString::to_string))
    };
    let flag = |var: &str, on: bool| Field::new(var, "boolean", [if on { "1" } else { "0" }]);
    let options = |list: &[(&str, &str)]| -> Vec<(Option<String>, String)> {
        list.iter()
            .map(|(label, value)| (Some((*label).to_owned()), (*value).to_owned()))
            .collect()
    };
    add(
        "Kind of room (sets everything else, then the fields below)",
        Field {
            options: options(&[
                ("As it is", ""),
                ("Group chat", "group-chat"),
                ("Department room, members only", "department-room"),
                ("Department room, open", "open-department-room"),
            ]),
            ..Field::new(PRESET, "list-single", [""])
        },
    );
    add("Name", text("muc#roomconfig_roomname", &config.name));
    add(
        "Description",
        text("muc#roomconfig_roomdesc", &config.description),
    );
    add("Language", text("muc#roomconfig_lang", &config.language));
    add(
        "Stays when the last occupant leaves",
        flag("muc#roomconfig_persistentroom", config.persistent),
    );
    add(
        "In the public list",
        flag("muc#roomconfig_publicroom", config.listed),
    );
    add(
        "For members only",
        flag("muc#roomconfig_membersonly", config.members_only),
    );
    add(
        "Moderated: newcomers have no voice",
        flag("muc#roomconfig_moderatedroom", config.moderated),
    );
    add(
        "Asks for a password",
        flag(
            "muc#roomconfig_passwordprotectedroom",
            config.password.is_some(),
        ),
    );
    add(
        "Password",
        Field::new(
            "muc#roomconfig_roomsecret",
            "text-private",
            config.password.iter().map(|text| text.expose().to_string()),
        ),
    );
    add(
        "Who may see real addresses",
        Field {
            options: options(&[("Moderators only", "moderators"), ("Anyone", "anyone")]),
            ..Field::new(
                "muc#roomconfig_whois",
                "list-single",
                [match config.whois {
                    Whois::Anyone => "anyone",
                    Whois::Moderators => "moderators",
                }],
            )
        },
    );
    add(
        "Most occupants",
        Field {
            options: ["10", "20", "50", "100", "200", "500", "1000", "none"]
                .map(|value| (Some(value.to_owned()), value.to_owned()))
                .to_vec(),
            open: true,
            ..Field::new(
                "muc#roomconfig_maxusers",
                "list-single",
                [config
                    .max_occupants
                    .map_or_else(|| "none".to_owned(), |most| most.to_string())],
            )
        },
    );
    add(
        "Occupants may change the subject",
        flag(
            "muc#roomconfig_changesubject",
            config.occupants_change_subject,
        ),
    );
    add(
        "Members may invite",
        flag("muc#roomconfig_allowinvites", config.members_invite),
    );
    add(
        "Who may send private messages",
        Field {
            options: options(&[
                ("Anyone", "anyone"),
                ("Those with voice", "participants"),
                ("Moderators", "moderators"),
                ("Nobody", "none"),
            ]),
            ..Field::new(
                "muc#roomconfig_allowpm",
                "list-single",
                [match config.private_messages {
                    PrivateMessages::Anyone => "anyone",
                    PrivateMessages::Participants => "participants",
                    PrivateMessages::Moderators => "moderators",
                    PrivateMessages::None => "none",
                }],
            )
        },
    );
    add(
        "Visitors may ask for voice",
        flag("muc#roomconfig_allowvoicerequests", config.voice_requests),
    );
    add(
        "Occupants may change their nickname",
        flag("muc#roomconfig_allownickchange", config.nick_changes),
    );
    add(
        "Members have the nickname that they have registered",
        flag("hauspost#nick_locked", config.nick_locked),
    );
    add(
        "Roles whose presence is shown",
        Field {
            options: options(&[
                ("Moderators", "moderator"),
                ("Participants", "participant"),
                ("Visitors", "visitor"),
            ]),
            ..Field::new(
                "muc#roomconfig_presencebroadcast",
                "list-multi",
                ROLES
                    .into_iter()
                    .zip(config.presence_of)
                    .filter_map(|(role, shown)| shown.then_some(role)),
            )
        },
    );
    add(
        "Who may read the list of members",
        Field {
            options: options(&[
                ("Owners", "owner"),
                ("Admins", "admin"),
                ("Members", "member"),
                ("Anyone", "none"),
            ]),
            ..Field::new(
                "muc#roomconfig_getmemberlist",
                "list-multi",
                [
                    (Standing::Owner, "owner"),
                    (Standing::Admin, "admin"),
                    (Standing::Member, "member"),
                    (Standing::None, "none"),
                ]
                .into_iter()
                .filter_map(|(standing, name)| {
                    (standing >= config.member_list_for).then_some(name)
                }),
            )
        },
    );
    add(
        "Messages are kept",
        flag("muc#roomconfig_enablelogging", config.archived),
    );
    add(
        "Messages that newcomers are sent",
        Field::new(HISTORY, "text-single", [config.history.to_string()]),
    );
    add(
        "Contacts",
        Field::new(
            "muc#roominfo_contactjid",
            "jid-multi",
            config.contacts.iter().map(ToString::to_string),
        ),
    );
    add("Group of the directory", text(GROUP, &config.group));
    for (label, var, standing) in [
        ("Admins", "muc#roomconfig_roomadmins", Affiliation::Admin),
        ("Owners", "muc#roomconfig_roomowners", Affiliation::Owner),
    ] {
        let mut people: Vec<String> = state
            .people
            .iter()
            .filter(|(_, person)| person.affiliation == standing)
            .map(|(address, _)| address.to_string())
            .collect();
        people.sort_unstable();
        add(label, Field::new(var, "jid-multi", people));
    }
    form
}

/// What an owner's form says.
pub(super) struct Submitted {
    pub(super) config: RoomConfig,
    /// All who are to be admins, if it says so.
    pub(super) admins: Option<Vec<Jid>>,
    /// All who are to be owners, if it says so.
    pub(super) owners: Option<Vec<Jid>>,
}

fn wrong(field: &Field, what: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::NotAcceptable)
        .text(format!("The field {} {what}.", field.var))
}

/// Whether a field says what is so already, as every field does that was sent back untouched.
fn repeats(field: &Field, present: &RoomConfig) -> Result<bool, StanzaError> {
    let mut said = Submitted {
        config: present.clone(),
        admins: None,
        owners: None,
    };
    let mut asks_for_password = None;
    take(&mut said, field, &mut asks_for_password)?;
    Ok(said.config == *present
        && said.admins.is_none()
        && said.owners.is_none()
        && asks_for_password.is_none_or(|asks| asks == present.password.is_some()))
}

/// Reads a filled-in form over the room's present configuration; what it does not say stays. Chosen
/// with a preset, only fields that were changed count beside it: most clients send all of them.
pub(super) fn read(form: &DataForm, present: &RoomConfig) -> Result<Submitted, StanzaError> {
    let mut config = present.clone();
    let mut is_preset = false;
    if let Some(preset) = form.field(PRESET) {
        let group = form.field(GROUP).and_then(Field::value);
        let group = group
            .map(str::to_owned)
            .or_else(|| present.group.as_deref().map(str::to_owned));
        let department = |open| {
            let group = group.as_deref().filter(|group| !group.is_empty());
            let group = group.ok_or_else(|| {
                StanzaError::new(StanzaCondition::NotAcceptable)
                    .text("A department's room needs the group of the directory (hauspost#group).")
            })?;
            Ok::<_, StanzaError>(RoomConfig::department_room(group, open))
        };
        let kind = match preset.value() {
            None | Some("") => None,
            Some("group-chat") => Some(RoomConfig::group_chat()),
            Some("department-room") => Some(department(false)?),
            Some("open-department-room") => Some(department(true)?),
            Some(_) => return Err(wrong(preset, "has none of its choices")),
        };
        if let Some(kind) = kind {
            is_preset = true;
            config = RoomConfig {
                name: present.name.clone().or_else(|| kind.name.clone()),
                description: present.description.clone(),
                language: present.language.clone(),
                ..kind
            };
        }
    }
    let mut submitted = Submitted {
        config,
        admins: None,
        owners: None,
    };
    let mut asks_for_password = None;
    for field in &form.fields {
        if field.values.iter().any(|value| value.len() > LONGEST) {
            return Err(wrong(field, "is too long"));
        }
        if is_preset && repeats(field, present)? {
            continue;
        }
        take(&mut submitted, field, &mut asks_for_password)?;
    }
    match asks_for_password {
        Some(false) => submitted.config.password = None,
        Some(true) if submitted.config.password.is_none() => {
            return Err(StanzaError::new(StanzaCondition::NotAcceptable)
                .text("Please give the password that the room is to ask for."));
        }
        _ => {}
    }
    Ok(submitted)
}

fn take(
    submitted: &mut Submitted,
    field: &Field,
    asks_for_password: &mut Option<bool>,
) -> Result<(), StanzaError> {
    let config = &mut submitted.config;
    let text = || -> Option<Arc<str>> {
        let joined = field.values.join("\n");
        let joined = joined.trim();
        (!joined.is_empty()).then(|| joined.into())
    };
    let flag = || match field.value().map(str::trim) {
        Some("1" | "true") => Ok(true),
        Some("0" | "false") | None => Ok(false),
        Some(_) => Err(wrong(field, "is true or false")),
    };
    let addresses = || -> Result<Vec<Jid>, StanzaError> {
        field
            .values
            .iter()
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
            .map(|value| Jid::parse(value).map_err(|_| wrong(field, "holds addresses")))
            .collect()
    };
    match field.var.as_str() {
        "muc#roomconfig_roomname" => config.name = text(),
        "muc#roomconfig_roomdesc" => config.description = text(),
        "muc#roomconfig_lang" => config.language = text(),
        "muc#roomconfig_persistentroom" => config.persistent = flag()?,
        "muc#roomconfig_publicroom" => config.listed = flag()?,
        "muc#roomconfig_membersonly" => config.members_only = flag()?,
        "muc#roomconfig_moderatedroom" => config.moderated = flag()?,
        "muc#roomconfig_passwordprotectedroom" => *asks_for_password = Some(flag()?),
        "muc#roomconfig_roomsecret" => {
            let secret = field.value().filter(|secret| !secret.is_empty());
            config.password = secret.map(|secret| Redacted::new(secret.into()));
        }
        "muc#roomconfig_whois" => {
            config.whois = match field.value() {
                Some("anyone") => Whois::Anyone,
                Some("moderators") | None => Whois::Moderators,
                Some(_) => return Err(wrong(field, "is anyone or moderators")),
            }
        }
        "muc#roomconfig_maxusers" => {
            config.max_occupants = match field.value().map(str::trim) {
                None | Some("none" | "" | "0") => None,
                Some(number) => Some(
                    number
                        .parse::<u32>()
                        .map_err(|_| wrong(field, "is a number or none"))?
                        .min(MOST_OCCUPANTS),
                ),
            }
        }
        "muc#roomconfig_changesubject" => config.occupants_change_subject = flag()?,
        "muc#roomconfig_allowinvites" => config.members_invite = flag()?,
        "muc#roomconfig_allowpm" => {
            config.private_messages = match field.value() {
                Some("anyone") | None => PrivateMessages::Anyone,
                Some("participants") => PrivateMessages::Participants,
                Some("moderators") => PrivateMessages::Moderators,
                Some("none") => PrivateMessages::None,
                Some(_) => return Err(wrong(field, "has none of its choices")),
            }
        }
        "muc#roomconfig_allowvoicerequests" => config.voice_requests = flag()?,
        "muc#roomconfig_allownickchange" => config.nick_changes = flag()?,
        "hauspost#nick_locked" => config.nick_locked = flag()?,
        "muc#roomconfig_presencebroadcast" => {
            config.presence_of = ROLES.map(|role| field.values.iter().any(|value| value == role));
        }
        "muc#roomconfig_getmemberlist" => {
            // Roles among the choices of old clients say the same in other words.
            let has = |names: &[&str]| {
                field
                    .values
                    .iter()
                    .any(|value| names.contains(&value.as_str()))
            };
            config.member_list_for = if has(&["none", "visitor", "anyone"]) {
                Standing::None
            } else if has(&["member", "participant"]) {
                Standing::Member
            } else if has(&["admin", "moderator"]) {
                Standing::Admin
            } else {
                Standing::Owner
            };
        }
        "muc#roomconfig_enablelogging" | "muc#roomconfig_enablearchiving" => {
            config.archived = flag()?;
        }
        HISTORY => {
            config.history = field
                .value()
                .map_or("0", str::trim)
                .parse::<u32>()
                .map_err(|_| wrong(field, "is a number"))?
                .min(super::history::MOST as u32);
        }
        "muc#roominfo_contactjid" => {
            config.contacts = addresses()?.iter().map(|jid| jid.as_str().into()).collect();
        }
        GROUP => config.group = text(),
        "muc#roomconfig_roomadmins" => submitted.admins = Some(addresses()?),
        "muc#roomconfig_roomowners" => submitted.owners = Some(addresses()?),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(fields: &[(&str, &[&str])]) -> Result<RoomConfig, StanzaError> {
        let form = fields.iter().fold(
            DataForm::new(FormKind::Submit, ns::MUC_ROOM_CONFIG),
            |form, (var, values)| form.with(Field::new(var, "", values.iter().copied())),
        );
        read(&form, &RoomConfig::default()).map(|submitted| submitted.config)
    }

    #[test]
    fn what_a_form_does_not_say_stays() {
        assert_eq!(submit(&[]), Ok(RoomConfig::default()));
        let named = submit(&[("muc#roomconfig_roomname", &["Garden"])]).expect("a form");
        assert_eq!(named.name.as_deref(), Some("Garden"));
        assert!(!named.persistent);
    }

    #[test]
    fn presets_set_everything_and_fields_come_after() {
        let group = submit(&[
            (PRESET, &["group-chat"]),
            ("muc#roomconfig_publicroom", &["1"]),
        ]);
        let group = group.expect("a form");
        assert!(group.members_only && group.persistent && group.listed);
        assert_eq!(group.whois, Whois::Anyone);
        let sales = submit(&[(PRESET, &["department-room"]), (GROUP, &["Sales"])]);
        assert_eq!(sales.expect("a form").group.as_deref(), Some("Sales"));
        assert!(submit(&[(PRESET, &["department-room"])]).is_err());
        assert!(submit(&[(PRESET, &["castle"])]).is_err());
    }

    #[test]
    fn a_preset_counts_more_than_what_was_not_touched() {
        let group = submit(&[
            (PRESET, &["group-chat"]),
            ("muc#roomconfig_membersonly", &["0"]),
            ("muc#roomconfig_persistentroom", &["0"]),
            ("muc#roomconfig_passwordprotectedroom", &["0"]),
            ("muc#roomconfig_roomsecret", &[]),
            ("muc#roomconfig_whois", &["moderators"]),
            ("muc#roomconfig_maxusers", &["12"]),
            (GROUP, &[""]),
        ]);
        let expected = RoomConfig {
            max_occupants: Some(12),
            ..RoomConfig::group_chat()
        };
        assert_eq!(group, Ok(expected));
    }

    #[test]
    fn passwords_and_numbers() {
        let protected = "muc#roomconfig_passwordprotectedroom";
        let secret = "muc#roomconfig_roomsecret";
        assert!(submit(&[(protected, &["1"])]).is_err());
        let room = submit(&[(protected, &["1"]), (secret, &["cauldron"])]).expect("a form");
        assert!(room.password.is_some());
        let room = submit(&[(protected, &["0"]), (secret, &["cauldron"])]).expect("a form");
        assert!(room.password.is_none());
        assert!(submit(&[("muc#roomconfig_maxusers", &["many"])]).is_err());
        let room = submit(&[("muc#roomconfig_maxusers", &["99999999"])]).expect("a form");
        assert_eq!(room.max_occupants, Some(MOST_OCCUPANTS));
        assert!(submit(&[("muc#roomconfig_persistentroom", &["perhaps"])]).is_err());
    }
}
