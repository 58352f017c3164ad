//! XEP-0486: MUC Avatars: the pictures of rooms.

use base::BareJid;
use xmpp::ns;
use xmpp::xep::vcard;

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::features::avatar::LARGEST;
use crate::storage::{Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::PictureId;

impl<S: Storage> Client<S> {
    /// A room has this picture, by its hash, or none.
    pub(super) fn room_picture_is(
        &mut self,
        jid: &BareJid,
        hash: Option<String>,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let id = hash.map(|hash| hash.trim().to_ascii_lowercase());
        let id = id.filter(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let shown = self.people.picture(jid);
        if shown.as_ref().map(|shown: &PictureId| &*shown.0) == id.as_deref() {
            return Ok(());
        }
        if let Some(id) = &id
            && self.database.get(Table::Pictures, id.as_bytes())?.is_none()
        {
            let card = format!("<vCard xmlns='{}'/>", ns::VCARD);
            let asked = Asked::RoomPicture(jid.clone(), id.clone());
            self.ask(false, Some(jid.as_str()), &card, asked, turn);
            return Ok(());
        }
        self.show_picture(jid, id);
        self.conversations.redraw(jid);
        Ok(())
    }

    pub(crate) fn room_picture_came(
        &mut self,
        jid: &BareJid,
        id: &str,
        answer: Answer<'_>,
    ) -> Result<(), StorageError> {
        let picture = answer.payload().and_then(vcard::picture);
        let picture = picture.filter(|picture| picture.data.len() <= LARGEST && picture.id() == id);
        if let Some(picture) = picture {
            self.database
                .put(Table::Pictures, id.as_bytes().to_vec(), picture.data);
            self.show_picture(jid, Some(id.to_owned()));
            self.conversations.redraw(jid);
        }
        Ok(())
    }
}
