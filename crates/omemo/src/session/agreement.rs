//! X3DH (Marlinspike and Perrin, 2016) with OMEMO's parameters (XEP-0384 §4.2).

use xmpp::xep::omemo::Form;
use zeroize::Zeroizing;

use super::Session;
use crate::bundle::Bundle;
use crate::crypto::{IdentityKeyPair, Key, KeyError, Randomness, SecretKey, expand};
use crate::form::{encode_identity, parameters};
use crate::ratchet::Ratchet;
use crate::wire::key::{Exchange, ExchangeHeader, SenderIdentity};

/// What of our own keys a key exchange needs.
#[derive(Debug)]
pub(crate) struct OwnKeys<'a> {
    pub(crate) identity: &'a IdentityKeyPair,
    pub(crate) signed_prekey: &'a SecretKey,
    pub(crate) prekey: &'a SecretKey,
}

/// The secret of both sides from the four agreements.
fn shared(form: Form, agreements: [&[u8; 32]; 4]) -> Key {
    let mut material = Zeroizing::new([0xFF; 160]);
    for (place, agreement) in material
        .as_mut_slice()
        .chunks_exact_mut(32)
        .skip(1)
        .zip(agreements)
    {
        place.copy_from_slice(agreement);
    }
    Key::new(*expand(material.as_slice(), parameters(form).agreement))
}

/// Starts a session with the device of this bundle, by the prekey that was chosen.
pub(crate) fn initiate(
    own: &IdentityKeyPair,
    bundle: &Bundle,
    random: &mut dyn Randomness,
) -> Result<Session, KeyError> {
    let form = bundle.form;
    let &(prekey, prekey_key) = bundle.prekeys.first().ok_or(KeyError)?;
    let ephemeral = SecretKey::generate(random);
    let theirs = bundle.identity.identity();
    let shared = shared(
        form,
        [
            &*own.agreement().agree(&bundle.signed_prekey)?,
            &*ephemeral.agree(theirs.public())?,
            &*ephemeral.agree(&bundle.signed_prekey)?,
            &*ephemeral.agree(&prekey_key)?,
        ],
    );
    let public = ephemeral.public();
    Ok(Session {
        ours: true,
        identity: theirs,
        associated: [
            encode_identity(form, &own.identity(), own.public().as_bytes()),
            encode_identity(form, &theirs, bundle.identity.as_bytes()),
        ],
        ephemeral: public,
        exchange: Some(ExchangeHeader {
            prekey,
            signed_prekey: bundle.signed_prekey_id,
            ephemeral: public,
        }),
        ratchet: Ratchet::start(form, &shared, &bundle.signed_prekey, random)?,
    })
}

/// Takes a session that the other side started. It is worth nothing until the message in it has been read.
pub(crate) fn accept(
    form: Form,
    own: &OwnKeys<'_>,
    exchange: &Exchange<'_>,
) -> Result<Session, KeyError> {
    let theirs = exchange.identity.key();
    let shared = shared(
        form,
        [
            &*own.signed_prekey.agree(theirs.public())?,
            &*own.identity.agreement().agree(&exchange.ephemeral)?,
            &*own.signed_prekey.agree(&exchange.ephemeral)?,
            &*own.prekey.agree(&exchange.ephemeral)?,
        ],
    );
    let encoded = match &exchange.identity {
        SenderIdentity::Edwards(key) => encode_identity(form, &theirs, key.as_bytes()),
        SenderIdentity::Montgomery(key) => key.public().legacy().to_vec(),
    };
    Ok(Session {
        ours: false,
        identity: theirs,
        associated: [
            encoded,
            encode_identity(
                form,
                &own.identity.identity(),
                own.identity.public().as_bytes(),
            ),
        ],
        ephemeral: exchange.ephemeral,
        exchange: None,
        ratchet: Ratchet::accept(shared, own.signed_prekey.clone()),
    })
}
