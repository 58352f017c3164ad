//! XEP-0363: HTTP File Upload

use std::sync::Arc;

use base::Timestamp;
use store::{NewUpload, Reserved, StoreError, UploadPurpose};
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::iq::{Iq, IqBody};
use xmpp::ns;
use xmpp::xep::data_form::DataForm;
use xmpp::xep::disco::{self, Form, Identity, Info};
use xmpp::xep::http_upload::{
    Purpose, Slot, SlotRequest, encode_segment, file_too_large, key_of, limits_form, token_digest,
    try_again, unknown_purpose,
};
use xmpp::xml::{Kind, Tree};

use super::{Module, store_failed};
use crate::Work;
use crate::config::UploadConfig;
use crate::service::{Served, Service, ServiceContext, Taken};

/// The declaration. Files themselves come and go over HTTP; here are their slots.
pub(super) static MODULE: Module = Module {
    name: "http_upload",
    specification: "XEP-0363",
    title: "HTTP File Upload",
    version: "1.2.0",
    ..Module::NONE
};

/// `upload.<domain>`.
pub(crate) static SERVICE: Service = Service {
    label: "upload",
    title: "HTTP File Upload",
    open: |config| config.uploads.is_some(),
    take,
};

fn take(context: ServiceContext) -> Taken {
    let chat_config = context.chat.config();
    let unavailable = || StanzaError::new(StanzaCondition::ServiceUnavailable);
    let (Some(config), None) = (&chat_config.uploads, context.to.local()) else {
        return Taken::Refused(unavailable());
    };
    match context.stanza.kind() {
        Kind::Iq => {}
        Kind::Presence => return Taken::Done,
        _ => return Taken::Refused(unavailable().text("This service reads no messages.")),
    }
    let child = match Iq::parse(&context.stanza).map(|iq| iq.body) {
        Ok(IqBody::Get(child)) => child,
        Ok(IqBody::Set(_)) => return Taken::Refused(unavailable()),
        Ok(IqBody::Result(_) | IqBody::Error(_)) => return Taken::Done,
        Err(error) => return Taken::Refused(error),
    };
    let tree = child.tree();
    let node = tree.root().attr("node");
    let answer = match (child.name(), child.namespace()) {
        ("request", ns::HTTP_UPLOAD) => {
            let config = config.clone();
            return Taken::Later(slot(context, config, tree));
        }
        ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if node.is_some() => {
            return Taken::Refused(StanzaError::new(StanzaCondition::ItemNotFound));
        }
        ("query", ns::DISCO_INFO) => info(config).to_xml(None),
        ("query", ns::DISCO_ITEMS) => disco::items_to_xml(&[], None),
        ("ping", ns::PING) => String::new(),
        _ => return Taken::Refused(unavailable()),
    };
    let served = context.result(&answer);
    Taken::Later(Box::pin(async { Ok(served) }))
}

/// §3.
fn info(config: &UploadConfig) -> Info {
    let purpose = |name: &str| format!("{}#{name}", ns::HTTP_UPLOAD_PURPOSE).into();
    let mut features = vec![
        ns::DISCO_INFO.into(),
        ns::DISCO_ITEMS.into(),
        ns::HTTP_UPLOAD.into(),
        purpose("message"),
        purpose("profile"),
        purpose("ephemeral"),
        ns::PING.into(),
    ];
    if config.offers_permanent() {
        features.push(purpose("permanent"));
    }
    Info {
        identities: vec![Identity {
            category: "store".into(),
            kind: "file".into(),
            lang: None,
            name: Some(SERVICE.title.into()),
        }],
        features,
        forms: vec![form(&limits_form(config.file_bytes))],
    }
}

fn form(form: &DataForm) -> Form {
    Form {
        form_type: form.form_type().unwrap_or_default().to_owned().into(),
        fields: form
            .fields
            .iter()
            .filter(|field| field.var != "FORM_TYPE")
            .map(|field| (field.var.clone().into(), field.values.clone()))
            .collect(),
    }
}

/// §4: a slot for an account of ours.
fn slot(
    context: ServiceContext,
    config: UploadConfig,
    request: Tree,
) -> Work<Result<Served, StanzaError>> {
    Box::pin(async move {
        let Some(account) = context.sender.account() else {
            return Err(StanzaError::new(StanzaCondition::Forbidden)
                .kind(ErrorType::Auth)
                .text("Only accounts of this server may upload files."));
        };
        let request = SlotRequest::read(request.root())?;
        let largest = config.largest(request.purpose);
        if request.size > largest {
            return Err(file_too_large(largest));
        }
        let now = context.now.wall;
        let (purpose, expires) = purpose(&request, &config, now)?;
        let secret = context.chat.new_id("upload");
        let token = context.chat.new_id("upload-token");
        let upload = NewUpload {
            id: key_of(&secret).into(),
            account: account.id(),
            name: request.filename.as_str().into(),
            content_type: request.content_type.as_deref().map(Arc::from),
            size: request.size,
            purpose,
            token: token_digest(&token),
            created: now,
            slot_ends: now + config.slot,
            expires,
        };
        let reserved = context
            .chat
            .store()
            .upload_reserve(upload, config.bounds())
            .await;
        match reserved {
            Ok(Reserved::Made) => {}
            Ok(Reserved::Full { used, fits_at }) => {
                return Err(try_again(
                    format!(
                        "Quota reached. Your files take {used} of {} bytes; this one does not fit any more.",
                        config.account_bytes
                    ),
                    fits_at,
                ));
            }
            Ok(Reserved::TooManySlots { next }) => {
                return Err(try_again(
                    format!(
                        "{} uploads were begun and not finished; finish them, or wait a while.",
                        config.slots
                    ),
                    Some(next),
                ));
            }
            Err(StoreError::NoSuchAccount) => {
                return Err(StanzaError::new(StanzaCondition::Forbidden).kind(ErrorType::Auth));
            }
            Err(error) => return Err(store_failed(&error)),
        }
        let name = encode_segment(&request.filename);
        let url = format!("{}/{secret}/{name}", config.base);
        let slot = Slot {
            put: url.clone(),
            authorization: Some(format!("Bearer {token}")),
            get: url,
        };
        Ok(context.result(&slot.to_xml()))
    })
}

/// §5: how long a file is kept.
fn purpose(
    request: &SlotRequest,
    config: &UploadConfig,
    now: Timestamp,
) -> Result<(UploadPurpose, Option<Timestamp>), StanzaError> {
    match request.purpose {
        Purpose::Message => Ok((UploadPurpose::Message, None)),
        Purpose::Profile => Ok((UploadPurpose::Profile, None)),
        Purpose::Permanent if config.offers_permanent() => Ok((UploadPurpose::Permanent, None)),
        Purpose::Permanent => Err(unknown_purpose()),
        Purpose::Ephemeral(until) if until <= now => {
            Err(StanzaError::new(StanzaCondition::NotAcceptable)
                .text("The time until which the file is to be kept is over already."))
        }
        Purpose::Ephemeral(until) => Ok((UploadPurpose::Ephemeral, Some(until))),
    }
}
