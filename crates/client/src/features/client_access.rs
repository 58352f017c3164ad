//! XEP-0494: Client Access Management: a device that is lost is logged out.

use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::Storage;
use crate::turn::Turn;

impl<S: Storage> Client<S> {
    /// Logs out the device of this name, if the server knows it.
    pub(crate) fn end_access(&mut self, device_name: &str, turn: &Turn<'_>) {
        if self.surroundings.client_access {
            let list = format!("<list xmlns='{}'/>", ns::CLIENT_ACCESS);
            let asked = Asked::Access(device_name.to_owned());
            self.ask(false, None, &list, asked, turn);
        }
    }

    pub(crate) fn access_came(&mut self, device_name: &str, answer: Answer<'_>, turn: &Turn<'_>) {
        let Some(clients) = answer.payload() else {
            return;
        };
        let name = |client: Element<'_>| {
            let agent = client.child("user-agent", ns::CLIENT_ACCESS)?;
            let device = agent.child("device", ns::CLIENT_ACCESS)?;
            Some(device.text().into_owned())
        };
        let ids: Vec<String> = clients
            .children()
            .filter(|client| name(*client).as_deref() == Some(device_name))
            .filter_map(|client| client.attr("id").map(str::to_owned))
            .collect();
        // Of several with one name nobody knows which is meant.
        if let [id] = ids.as_slice() {
            let mut writer = Writer::new();
            writer.start("revoke").xmlns(ns::CLIENT_ACCESS);
            writer.attr("id", id).end();
            let asked = Asked::Command("log the device out");
            self.ask(true, None, &writer.finish(), asked, turn);
        }
    }
}
