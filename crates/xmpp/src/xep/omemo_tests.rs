//! What stays of the keys of an OMEMO message, case by case.

use super::*;
use crate::xml::Tree;

fn stripped(text: &str, account: &str, devices: &[DeviceId]) -> String {
    let message = Bytes::copy_from_slice(text.as_bytes());
    let Some(found) = KeyedMessage::find(&message) else {
        return "as it was".to_owned();
    };
    let copy = found.for_recipient(Recipient { account, devices });
    String::from_utf8(copy.to_vec()).expect("UTF-8")
}

fn legacy(inner: &str) -> String {
    format!(
        "<message from='a@b/c' to='d@e' type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'>\
         {inner}</encrypted><store xmlns='urn:xmpp:hints'/></message>"
    )
}

fn current(inner: &str) -> String {
    format!(
        "<message from='a@b/c' to='d@e' type='chat'><encrypted xmlns='urn:xmpp:omemo:2'>{inner}\
         </encrypted></message>"
    )
}

#[test]
fn device_lists_of_both_forms() {
    let read =
        |form: Form, text: &str| form.read_device_list(Tree::parse(text).expect("XML").root());
    assert_eq!(
        read(
            Form::Legacy,
            "<list xmlns='eu.siacs.conversations.axolotl'><device id='12'/><device id=' 4294967295 '/>\
             <device id='-1'/><device/><other id='5'/></list>"
        ),
        Some(vec![12, 4_294_967_295])
    );
    assert_eq!(
        read(
            Form::Current,
            "<devices xmlns='urn:xmpp:omemo:2'><device id='7' label='Phone' labelsig='eA=='/></devices>"
        ),
        Some(vec![7])
    );
    assert_eq!(
        read(Form::Current, "<devices xmlns='urn:xmpp:omemo:2'/>"),
        Some(Vec::new())
    );
    assert_eq!(
        read(
            Form::Current,
            "<list xmlns='eu.siacs.conversations.axolotl'/>"
        ),
        None
    );
    for form in Form::ALL {
        assert_eq!(
            Form::of_device_list_node(form.device_list_node()),
            Some(form)
        );
    }
    assert_eq!(Form::of_device_list_node("urn:xmpp:omemo:2:bundles"), None);
}

#[test]
fn the_legacy_form_goes_by_device() {
    let text = legacy(
        "<header sid='1'><key rid='10'>AA==</key> <key prekey='true' rid='20'>BB==</key>\n\
         <key rid='30'>CC==</key><iv>SVY=</iv></header><payload>UA==</payload>",
    );
    assert_eq!(
        stripped(&text, "d@e", &[20, 40]),
        legacy(
            "<header sid='1'> <key prekey='true' rid='20'>BB==</key>\n\
             <iv>SVY=</iv></header><payload>UA==</payload>"
        )
    );
    assert_eq!(stripped(&text, "d@e", &[10, 20, 30]), text);
    assert_eq!(
        stripped(&text, "d@e", &[]),
        text,
        "nothing is known of the recipient"
    );
}

#[test]
fn the_current_form_goes_by_account_and_device() {
    let text = current(
        "<header sid='1'><keys jid='x@y'><key rid='10'>AA==</key><key rid='11'>AB==</key></keys>\
         <keys jid='D@E'><key rid='12' kex='true'>BA==</key></keys>\n<keys jid='a@b'>\n<key rid='13'>CA==</key>\
         </keys></header><payload>UA==</payload>",
    );
    assert_eq!(
        stripped(&text, "d@e", &[99]),
        current(
            "<header sid='1'><keys jid='D@E'><key rid='12' kex='true'>BA==</key></keys>\n</header>\
             <payload>UA==</payload>"
        ),
        "whatever is under one's own address is one's own"
    );
    assert_eq!(
        stripped(&text, "z@y", &[11]),
        current(
            "<header sid='1'><keys jid='x@y'><key rid='11'>AB==</key></keys>\n</header><payload>UA==</payload>"
        ),
        "no harm in keeping one with the right number"
    );
}

#[test]
fn a_header_never_stays_without_keys() {
    let text = legacy(
        "<header sid='1'><key rid='10'>AA==</key><key rid='20'>BB==</key><iv>SVY=</iv></header>",
    );
    assert_eq!(
        stripped(&text, "d@e", &[5]),
        legacy("<header sid='1'><key rid='10'>AA==</key><iv>SVY=</iv></header>")
    );
    let text = current(
        "<header sid='1'><keys jid='x@y'><key rid='10'>AA==</key><key rid='11'>AA==</key></keys>\
         <keys jid='q@y'><key rid='10'>AA==</key></keys></header>",
    );
    assert_eq!(
        stripped(&text, "d@e", &[5]),
        current("<header sid='1'><keys jid='x@y'><key rid='10'>AA==</key></keys></header>")
    );
}

#[test]
fn both_forms_in_one_message() {
    let text = "<message><encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='d@e'><key rid='1'>A</key>\
        </keys><keys jid='x@y'><key rid='2'>B</key></keys></header></encrypted><o:encrypted \
        xmlns:o='eu.siacs.conversations.axolotl'><o:header sid='1'><o:key rid='1'>C</o:key><o:key rid='2'>D</o:key>\
        <key rid='2'>not one</key></o:header></o:encrypted></message>";
    assert_eq!(
        stripped(text, "d@e", &[1]),
        "<message><encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='d@e'><key rid='1'>A</key>\
        </keys></header></encrypted><o:encrypted \
        xmlns:o='eu.siacs.conversations.axolotl'><o:header sid='1'><o:key rid='1'>C</o:key>\
        <key rid='2'>not one</key></o:header></o:encrypted></message>"
    );
}

#[test]
fn what_is_odd_stays() {
    for text in [
        "<message><body>urn:xmpp:omemo:2</body></message>".to_owned(),
        "no XML urn:xmpp:omemo:2".to_owned(),
        "<message>urn:xmpp:omemo:2</message><message/>".to_owned(),
        " <message><encrypted xmlns='urn:xmpp:omemo:2'/></message>".to_owned(),
        current(""),
        current("<header/>"),
        current("<keys jid='x@y'><key rid='1'/><key rid='2'/></keys>"),
        current("<header><key rid='1'/><key rid='2'/></header>"),
        current("<header><keys><key rid='1'/><key rid='2'/></keys></header>"),
        current("<header><keys jid='x@y'><key rid='1'/></keys></header><header/>"),
        legacy("<header><keys jid='x@y'><key rid='1'/><key rid='2'/></keys></header>"),
        legacy("<header><key rid='1'><key rid='2'/></key></header>"),
        format!(
            "<message><forwarded>{}</forwarded></message>",
            legacy("<header><key rid='1'/></header>")
        ),
    ] {
        let result = stripped(&text, "d@e", &[9]);
        assert!(
            result == text || result == "as it was",
            "{text} became {result}"
        );
    }
    let text = current(
        "<header><keys jid='x@y'>text<key rid='1'/></keys><keys jid='q@y'><key rid='2'/><more/></keys>\
         <keys jid='@'><key rid='3'/><key rid='many'/><key/></keys></header>",
    );
    assert_eq!(
        stripped(&text, "d@e", &[9]),
        current(
            "<header><keys jid='x@y'>text</keys><keys jid='q@y'><more/></keys>\
             <keys jid='@'><key rid='many'/><key/></keys></header>"
        )
    );
}

#[test]
fn a_message_to_a_hundred_members_with_three_devices_each_becomes_small() {
    // As long as the longest keys of either form: those that open a session.
    let key = "M".repeat(360);
    let (mut of_current, mut of_legacy) = (String::new(), String::new());
    for member in 0..100 {
        of_current += &format!("<keys jid='member{member}@example.org'>");
        for device in 0..3 {
            let device = 1_000_000_000 + member * 3 + device;
            of_current += &format!("<key rid='{device}' kex='true'>{key}</key>");
            of_legacy += &format!("<key prekey='true' rid='{device}'>{key}</key>");
        }
        of_current += "</keys>";
    }
    let devices = [1_000_000_021, 1_000_000_022, 1_000_000_023];
    for text in [
        legacy(&format!(
            "<header sid='1'>{of_legacy}<iv>SVY=</iv></header><payload>UA==</payload>"
        )),
        current(&format!(
            "<header sid='1'>{of_current}</header><payload>UA==</payload>"
        )),
    ] {
        let copy = stripped(&text, "member7@example.org", &devices);
        assert!(text.len() > 110_000, "{}", text.len());
        assert!(copy.len() <= 2048, "{}", copy.len());
        assert_eq!(copy.matches("<key ").count(), 3);
    }
}
