//! XEP-0280: Message Carbons: what our other devices say and hear, we hear too.

use xmpp::ns;

use crate::client::Client;
use crate::connection::requests::Asked;
use crate::storage::Storage;
use crate::turn::Turn;

impl<S: Storage> Client<S> {
    /// Bind 2 has done it already.
    pub(crate) fn enable_carbons(&mut self, turn: &Turn<'_>) {
        let enable = format!("<enable xmlns='{}'/>", ns::CARBONS);
        self.ask(true, None, &enable, Asked::Nothing, turn);
    }
}
