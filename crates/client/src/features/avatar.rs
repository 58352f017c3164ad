//! XEP-0084: User Avatar: which pictures people show, and the pictures.

use base::BareJid;
use bytes::Bytes;
use xmpp::ns;
use xmpp::xep::avatar;
use xmpp::xml::{Element, Writer};

use super::Feature;
use super::pep::Publicity;
use crate::client::Client;
use crate::command::Picture;
use crate::connection::requests::{Answer, Asked};
use crate::event::Event;
use crate::storage::{Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::PictureId;

/// Larger ones are not kept, in bytes.
pub(crate) const LARGEST: usize = 1024 * 1024;

pub(crate) static FEATURE: Feature = Feature {
    disco: &[],
    notify: &[ns::AVATAR_METADATA],
};

impl<S: Storage> Client<S> {
    pub(crate) fn avatar_came(
        &mut self,
        account: &BareJid,
        item: &str,
        metadata: Element<'_>,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let _ = item;
        if !self.is_of_interest(account) {
            return Ok(());
        }
        let id = avatar::shown(metadata).map(|shown| shown.id.to_ascii_lowercase());
        let id = id.filter(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(id) = &id
            && self.database.get(Table::Pictures, id.as_bytes())?.is_none()
        {
            let mut writer = Writer::new();
            writer.start("pubsub").xmlns(ns::PUBSUB);
            writer.start("items").attr("node", ns::AVATAR_DATA);
            writer.start("item").attr("id", id).end().end().end();
            let asked = Asked::Picture(account.clone(), id.clone());
            self.ask(false, Some(account.as_str()), &writer.finish(), asked, turn);
            return Ok(());
        }
        self.show_picture(account, id);
        Ok(())
    }

    pub(crate) fn show_picture(&mut self, account: &BareJid, id: Option<String>) {
        self.change_person(account, |person| person.picture = id);
        self.tell(Event::Picture(account.clone()));
    }

    pub(crate) fn picture_came(
        &mut self,
        account: &BareJid,
        id: &str,
        answer: Answer<'_>,
    ) -> Result<(), StorageError> {
        let data = answer
            .payload()
            .and_then(|pubsub| pubsub.child("items", ns::PUBSUB))
            .and_then(|items| items.child("item", ns::PUBSUB))
            .and_then(|item| item.child("data", ns::AVATAR_DATA))
            .and_then(avatar::data)
            .filter(|data| data.len() <= LARGEST);
        let Some(data) = data else {
            return Ok(());
        };
        let picture = avatar::Picture {
            kind: String::new(),
            data,
        };
        if picture.id() == id {
            self.database
                .put(Table::Pictures, id.as_bytes().to_vec(), picture.data);
            self.show_picture(account, Some(id.to_owned()));
        }
        Ok(())
    }

    /// The bytes of a picture. Do not believe what its form is said to be: look at them.
    ///
    /// # Errors
    /// [`StorageError`], when it cannot be read.
    pub fn picture(&self, id: &PictureId) -> Result<Option<Bytes>, StorageError> {
        let bytes = self.database.get(Table::Pictures, id.0.as_bytes())?;
        Ok(bytes.map(Bytes::from))
    }

    pub(crate) fn set_picture(&mut self, picture: Option<Picture>, turn: &Turn<'_>) -> bool {
        let asked = Asked::Command("change your picture");
        let Some(picture) = picture else {
            let none = avatar::no_picture();
            let node = ns::AVATAR_METADATA;
            return self.publish(node, "current", &none, Publicity::Open, asked, turn);
        };
        let data = avatar::Picture {
            kind: picture.media_type.clone(),
            data: picture.bytes.to_vec(),
        };
        let id = data.id();
        let payload = data.data_payload();
        self.publish(
            ns::AVATAR_DATA,
            &id,
            &payload,
            Publicity::Open,
            Asked::Nothing,
            turn,
        );
        let mut writer = Writer::new();
        writer.start("metadata").xmlns(ns::AVATAR_METADATA);
        writer
            .start("info")
            .attr("bytes", picture.bytes.len().to_string())
            .attr("height", picture.height.to_string())
            .attr("id", &id)
            .attr("type", &picture.media_type)
            .attr("width", picture.width.to_string())
            .end()
            .end();
        let metadata = writer.finish();
        self.publish(
            ns::AVATAR_METADATA,
            &id,
            &metadata,
            Publicity::Open,
            asked,
            turn,
        )
    }
}
