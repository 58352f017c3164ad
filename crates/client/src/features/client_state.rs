//! XEP-0352: Client State Indication: while nobody looks, the server holds back what can wait.

use xmpp::ns;

use crate::client::Client;
use crate::storage::Storage;

impl<S: Storage> Client<S> {
    pub(crate) fn set_active(&mut self, active: bool) {
        if self.active != active {
            self.active = active;
            self.tell_active();
        }
    }

    pub(crate) fn tell_active(&mut self) {
        if self.connection.is_online() {
            let name = if self.active { "active" } else { "inactive" };
            // No stanza: it is not counted.
            self.write(format!("<{name} xmlns='{}'/>", ns::CLIENT_STATE));
        }
    }
}
