//! XEP-0157: Contact Addresses for XMPP Services

use xmpp::ns;
use xmpp::xep::disco::Form;

use super::{Module, server_information};
use crate::ChatConfig;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "contact",
    specification: "XEP-0157",
    title: "Contact Addresses for XMPP Services",
    version: "1.1.1",
    ..Module::NONE
};

/// The form in the server's service discovery; the coordinates of XEP-0485 belong in the same one
/// (XEP-0485 §9.2). `None` when there is nothing to say.
pub(super) fn form(config: &ChatConfig) -> Option<Form> {
    let mut fields: Vec<_> = config
        .contact
        .iter()
        .filter(|contact| !contact.addresses.is_empty())
        .map(|contact| (contact.kind.clone().into(), contact.addresses.clone()))
        .collect();
    fields.extend(server_information::field(config));
    (!fields.is_empty()).then(|| Form {
        form_type: ns::SERVER_INFO.into(),
        fields,
    })
}
