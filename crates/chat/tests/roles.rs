//! Who may do what: each act by each role, to each role, at the functions that all doors use and by ad-hoc commands; and that the
//! audit log tells of it exactly when it was done.

mod common;

use base::BareJid;
use chat::accounts::{Act, Authority, Door, InvitationWish, RIGHTS, Refusal};
use common::House;
use futures_util::FutureExt;
use store::{AuditQuery, NewAccount, Role, wait};

fn address(name: &str) -> BareJid {
    BareJid::new(Some(name), "example.org").expect("an address")
}

/// A house with one account for each role that acts, and one for each that is acted upon.
fn house() -> House {
    let house = House::new(&[]);
    for role in Role::ALL {
        for name in [role.name().to_owned(), format!("other-{}", role.name())] {
            let account = NewAccount {
                localpart: name.into(),
                role,
                ..NewAccount::default()
            };
            wait(house.chat.store().account_create(account)).expect("an account");
        }
    }
    house
}

fn set_role(house: &House, name: &str, role: Role) {
    let by = Authority::console();
    let address = address(name);
    let set = house.chat.set_role(&address, role, &by, house.now());
    set.now_or_never().expect("at once").expect("a role");
}

fn entries(house: &House) -> u64 {
    wait(house.chat.store().audit_head())
        .expect("a head")
        .number
}

/// Does what the act is about to an account, or to none.
fn try_act(house: &House, act: Act, by: &Authority, target: &str) -> Result<(), Refusal> {
    let (chat, now, target) = (&house.chat, house.now(), address(target));
    let done = match act {
        Act::CreateAccounts => {
            let account = NewAccount {
                localpart: "new".into(),
                ..NewAccount::default()
            };
            let made = chat.create_account(account, by, now).now_or_never();
            made.expect("at once").map(|_| ())
        }
        Act::DisableAccounts => chat
            .set_enabled(&target, false, by, now)
            .now_or_never()
            .expect("at once"),
        Act::RemoveAccounts => chat
            .remove_account(&target, by, now)
            .now_or_never()
            .expect("at once"),
        Act::SetPasswords => chat
            .set_keys(&target, Vec::new(), None, by, now)
            .now_or_never()
            .expect("at once"),
        Act::EndSessions => chat
            .end_user_session(&target, None, by, now)
            .now_or_never()
            .expect("at once")
            .map(|_| ()),
        Act::ChangePeople => chat
            .set_groups(&target, &["Sales".to_owned()], by, now)
            .now_or_never()
            .expect("at once")
            .map(|_| ()),
        Act::SetRoles => chat
            .set_role(&target, Role::Owner, by, now)
            .now_or_never()
            .expect("at once"),
        Act::RevokeInvitations => chat
            .revoke_invitation(None, "unknown", by, now)
            .now_or_never()
            .expect("at once"),
        Act::SeePeople
        | Act::SeeRooms
        | Act::SeeRules
        | Act::SeeAudit
        | Act::ChangeRooms
        | Act::ChangeRules
        | Act::Announce => by.may(act),
    };
    match done {
        // He was let through, and there was nothing to revoke.
        Err(Refusal::NothingToRevoke) => Ok(()),
        done => done,
    }
}

#[test]
fn each_role_may_what_the_table_says_and_to_nobody_above() {
    for right in RIGHTS {
        for role in Role::ALL {
            for target in Role::ALL {
                let house = house();
                let by = Authority::of(&address(role.name()), role, Door::Rest);
                let before = entries(&house);
                let name = format!("other-{}", target.name());
                let done = try_act(&house, right.act, &by, &name);
                let context = format!("{} {} to {}", role.name(), right.name, target.name());
                if !right.roles.contains(&role) {
                    assert_eq!(done, Err(Refusal::NotEntitled(right.act)), "{context}");
                }
                if role == Role::Owner {
                    assert_eq!(done, Ok(()), "{context}");
                }
                if done.is_err() {
                    assert_eq!(entries(&house), before, "{context}: told, but not done");
                }
            }
        }
    }
}

#[test]
fn a_helpdesk_person_reaches_people_only_and_never_rises() {
    let house = house();
    let by = Authority::of(&address("helpdesk"), Role::Helpdesk, Door::Xmpp);
    for target in [
        "other-auditor",
        "other-helpdesk",
        "other-administrator",
        "other-owner",
    ] {
        for act in [Act::DisableAccounts, Act::SetPasswords, Act::EndSessions] {
            let done = try_act(&house, act, &by, target);
            assert_eq!(done, Err(Refusal::OutOfReach), "{act:?} {target}");
        }
    }
    assert_eq!(
        try_act(&house, Act::SetPasswords, &by, "other-person"),
        Ok(())
    );
    for target in ["helpdesk", "other-person"] {
        let done = try_act(&house, Act::SetRoles, &by, target);
        assert_eq!(done, Err(Refusal::NotEntitled(Act::SetRoles)));
    }
    let account = NewAccount {
        localpart: "accomplice".into(),
        role: Role::Administrator,
        ..NewAccount::default()
    };
    let made = house.chat.create_account(account, &by, house.now());
    assert_eq!(
        made.now_or_never().expect("at once"),
        Err(Refusal::NotEntitled(Act::SetRoles))
    );
}

#[test]
fn ones_own_account_is_ones_own_matter_but_not_a_tokens() {
    let house = house();
    let own = address("person");
    let by = Authority::of(&own, Role::Person, Door::Xmpp);
    assert_eq!(try_act(&house, Act::SetPasswords, &by, "person"), Ok(()));
    let token = by.clone().within([Act::SeePeople]);
    let done = try_act(&house, Act::SetPasswords, &token, "person");
    assert_eq!(done, Err(Refusal::NotEntitled(Act::SetPasswords)));
    assert_eq!(try_act(&house, Act::RemoveAccounts, &by, "person"), Ok(()));
    // A token has no more than its scope, whoever it belongs to.
    let by = Authority::of(&address("owner"), Role::Owner, Door::Rest).within([Act::SeePeople]);
    assert_eq!(by.may(Act::SeePeople), Ok(()));
    let done = try_act(&house, Act::RemoveAccounts, &by, "other-person");
    assert_eq!(done, Err(Refusal::NotEntitled(Act::RemoveAccounts)));
}

#[test]
fn the_last_owner_stays() {
    let house = House::new(&["anna", "bert"]);
    set_role(&house, "anna", Role::Owner);
    let by = Authority::of(&address("anna"), Role::Owner, Door::Xmpp);
    let demote = |by: &Authority| {
        let anna = address("anna");
        let set = house
            .chat
            .set_role(&anna, Role::Administrator, by, house.now());
        set.now_or_never().expect("at once")
    };
    for act in [Act::DisableAccounts, Act::RemoveAccounts] {
        assert_eq!(try_act(&house, act, &by, "anna"), Err(Refusal::LastOwner));
    }
    assert_eq!(demote(&by), Err(Refusal::LastOwner));
    set_role(&house, "bert", Role::Owner);
    assert_eq!(demote(&by), Ok(()));
}

#[test]
fn the_log_says_who_did_what_to_whom_by_which_door() {
    let house = house();
    let by = Authority::of(&address("owner"), Role::Owner, Door::Rest);
    try_act(&house, Act::CreateAccounts, &by, "new").expect("made");
    try_act(&house, Act::ChangePeople, &by, "new").expect("changed");
    // What changes nothing is not told.
    try_act(&house, Act::ChangePeople, &by, "new").expect("as it is");
    try_act(&house, Act::SetRoles, &by, "new").expect("raised");
    let invited = house
        .chat
        .invite_to_account(None, InvitationWish::default(), &by, house.now());
    invited.now_or_never().expect("at once").expect("invited");
    try_act(&house, Act::RemoveAccounts, &by, "new").expect("removed");
    let query = AuditQuery {
        after: Some(0),
        actor: Some("owner@example.org".into()),
        max: 100,
        ..AuditQuery::default()
    };
    let page = wait(house.chat.store().audit(query)).expect("entries");
    let told: Vec<String> = page
        .entries
        .iter()
        .map(|entry| {
            let note = &entry.note;
            assert_eq!(&*note.door, "rest");
            assert_eq!(note.at, house.now().wall);
            match &*note.action {
                "invitation.made" => "invitation.made".to_owned(),
                action => format!("{action} {} {}", note.subject, note.detail),
            }
        })
        .collect();
    assert_eq!(
        told,
        [
            "account.created new@example.org ",
            "account.groups new@example.org Sales in place of –",
            "account.role new@example.org owner in place of person",
            "invitation.made",
            "account.removed new@example.org ",
        ]
    );
}

#[test]
fn ad_hoc_commands_are_offered_to_those_who_may() {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let mut house = House::new(&names);
    let mut offered = Vec::new();
    for role in Role::ALL {
        set_role(&house, role.name(), role);
        let who = house.log_in(&format!("{}@example.org/here", role.name()));
        let items = house.ask(
            who,
            "get",
            Some("example.org"),
            "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>",
        );
        let text = items.text();
        offered.push(text.matches("http://jabber.org/protocol/admin#").count());
        let gives_roles = text.contains("admin#edit-admin");
        assert_eq!(gives_roles, role == Role::Owner, "{role:?}");
        // What is not offered is not done either.
        let answer = house.ask(
            who,
            "set",
            Some("example.org"),
            "<command xmlns='http://jabber.org/protocol/commands' action='execute' \
             node='http://jabber.org/protocol/admin#edit-admin'/>",
        );
        let refused = answer.text().contains("type='error'");
        assert_eq!(refused, role != Role::Owner, "{role:?}: {}", answer.text());
    }
    assert_eq!(offered, [0, 12, 17, 22, 23]);
}
