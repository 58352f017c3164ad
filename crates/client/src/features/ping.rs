//! XEP-0199: XMPP Ping: whether the server is still there, and whether it has all that was sent.

use xmpp::ns;

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

impl<S: Storage> Client<S> {
    pub(crate) fn ping_server(&mut self, turn: &Turn<'_>) {
        let domain = self.settings.account.domain().to_owned();
        let ping = format!("<ping xmlns='{}'/>", ns::PING);
        self.ask(false, Some(&domain), &ping, Asked::Nothing, turn);
    }

    /// Without stream management (XEP-0198), an answer to what was sent later says that the server has all before it:
    /// it handles in order what one stream brings (RFC 6120 §10.1).
    pub(crate) fn barrier(&mut self, number: u64, turn: &Turn<'_>) {
        let domain = self.settings.account.domain().to_owned();
        let ping = format!("<ping xmlns='{}'/>", ns::PING);
        let asked = Asked::Barrier(number);
        self.ask(false, Some(&domain), &ping, asked, turn);
    }

    pub(crate) fn barrier_answered(
        &mut self,
        number: u64,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match answer {
            // Also an error is an answer.
            Answer::Result(_) | Answer::Error(_) => self.server_has_up_to(number, turn),
            Answer::None => Ok(()),
        }
    }
}
