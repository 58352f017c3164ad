//! XEP-0494: Client Access Management: a device that is lost is logged out.

use omemo::DeviceId;
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::event::Event;
use crate::storage::Storage;
use crate::turn::Turn;

const UNKNOWN: &str = "It was not logged out: the server does not know it by its name, or knows several. It gets no messages any more, but it can still sign in: change the password of the account.";
const UNABLE: &str = "It was not logged out: the server does not do that. It gets no messages any more, but it can still sign in: change the password of the account.";
const OFFLINE: &str = "It was not logged out: there is no connection to the server. It gets no messages any more, but it can still sign in: take it out once more, or change the password of the account.";

/// How a device is called before the server: by its name and its number, for people have several of the same name.
pub(crate) fn access_name(name: &str, device: DeviceId) -> String {
    format!("{name} ({device})")
}

const KNOWS_PASSWORD: &str = "It is logged out. Whoever has it may know the password, though: change the password of the account.";

/// Whether a device was logged out that has come in by the password, which only a new one keeps out.
fn is_known_to_it(error: &StanzaError) -> bool {
    let wanted = error.app.as_deref();
    wanted.is_some_and(|app| app.contains("<password-reset-required"))
}

impl<S: Storage> Client<S> {
    /// Logs out a device, if the server knows it.
    pub(crate) fn end_access(&mut self, device: DeviceId, name: Option<&str>, turn: &Turn<'_>) {
        self.access_refused = None;
        // What the server can do need not be known yet: it says so.
        let list = format!("<list xmlns='{}'/>", ns::CLIENT_ACCESS);
        let asked = Asked::Access(device, name.map(str::to_owned));
        if !self.ask(false, None, &list, asked, turn) {
            self.access_is_refused(OFFLINE);
        }
    }

    /// Whether a device that was taken out is being logged out just now.
    #[must_use]
    pub fn is_ending_access(&self) -> bool {
        let mut requests = self.requests.values();
        requests.any(|request| matches!(request.asked, Asked::Access(..) | Asked::AccessEnd))
    }

    /// Why the device that was taken out last can still sign in, or might, for the person.
    #[must_use]
    pub fn access_refused(&self) -> Option<&str> {
        self.access_refused.as_deref()
    }

    fn access_is_refused(&mut self, text: &str) {
        self.access_refused = Some(text.to_owned());
        self.tell(Event::Refused {
            what: "log the device out".to_owned(),
            text: text.to_owned(),
        });
    }

    /// The server was told to log a device out.
    pub(crate) fn access_ended(&mut self, answer: Answer<'_>) {
        match answer {
            Answer::Result(_) => {}
            // XEP-0494 §4.2: done, as far as the server can.
            Answer::Error(error) if is_known_to_it(error) => {
                self.access_is_refused(KNOWS_PASSWORD);
            }
            Answer::Error(_) => self.access_is_refused(UNABLE),
            Answer::None => self.access_is_refused(OFFLINE),
        }
        let account = self.settings.account.clone();
        self.tell(Event::Devices(account));
    }

    pub(crate) fn access_came(
        &mut self,
        device: DeviceId,
        device_name: Option<&str>,
        answer: Answer<'_>,
        turn: &Turn<'_>,
    ) {
        let Some(clients) = answer.payload() else {
            let late = matches!(answer, Answer::None);
            self.access_is_refused(if late { OFFLINE } else { UNABLE });
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
            if !self.ask(true, None, &writer.finish(), Asked::AccessEnd, turn) {
                self.access_is_refused(OFFLINE);
            }
        } else {
            self.access_is_refused(UNKNOWN);
        }
    }
}
