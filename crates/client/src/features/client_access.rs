//! XEP-0494: Client Access Management: a device that is lost is logged out.

use omemo::DeviceId;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::Storage;
use crate::turn::Turn;

/// How a device is called before the server: by its name and its number, for people have several of the same name.
pub(crate) fn access_name(name: &str, device: DeviceId) -> String {
    format!("{name} ({device})")
}

impl<S: Storage> Client<S> {
    /// Logs out a device, if the server knows it.
    pub(crate) fn end_access(&mut self, device: DeviceId, name: Option<&str>, turn: &Turn<'_>) {
        if self.surroundings.client_access {
            let list = format!("<list xmlns='{}'/>", ns::CLIENT_ACCESS);
            let asked = Asked::Access(device, name.map(str::to_owned));
            self.ask(false, None, &list, asked, turn);
        }
    }

    pub(crate) fn access_came(
        &mut self,
        device: DeviceId,
        device_name: Option<&str>,
        answer: Answer<'_>,
        turn: &Turn<'_>,
    ) {
        let Some(clients) = answer.payload() else {
            return;
        };
        let name = |client: Element<'_>| {
            let agent = client.child("user-agent", ns::CLIENT_ACCESS)?;
            let device = agent.child("device", ns::CLIENT_ACCESS)?;
            Some(device.text().into_owned())
        };
        let called = |wanted: &str| -> Vec<String> {
            clients
                .children()
                .filter(|client| name(*client).as_deref() == Some(wanted))
                .filter_map(|client| client.attr("id").map(str::to_owned))
                .collect()
        };
        let mut ids = match device_name {
            Some(name) => called(&access_name(name, device)),
            None => Vec::new(),
        };
        // Clients of others say no number. Of several with one name nobody knows which is meant.
        if let (true, Some(name)) = (ids.is_empty(), device_name) {
            ids = called(name);
        }
        if let [id] = ids.as_slice() {
            let mut writer = Writer::new();
            writer.start("revoke").xmlns(ns::CLIENT_ACCESS);
            writer.attr("id", id).end();
            let asked = Asked::Command("log the device out");
            self.ask(true, None, &writer.finish(), asked, turn);
        }
    }
}
