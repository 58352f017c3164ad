//! The Double Ratchet (Perrin and Marlinspike, 2016) with OMEMO's parameters (XEP-0384 §4.3), for both forms.
//!
//! A message is first read with a copy of what it would change; only when its tag is right does the change become the
//! state. So nothing that was forged, cut or sent twice can move a ratchet.

mod skipped;
mod state;

use xmpp::xep::omemo::Form;
use zeroize::Zeroizing;

use crate::crypto::{
    Key, KeyError, PublicKey, Randomness, SecretKey, cbc_decrypt, cbc_encrypt, equal, mac,
};
use crate::form::{TextKeys, parameters, root_step};
use crate::wire::key::{Header, Message, authenticated, covered};
use skipped::{Skipped, Whereabouts};

/// How many keys one message may skip, and how many skipped keys are kept for a session. XEP-0384 §4.3 recommends
/// 1,000; ours leave room for 2,000 messages that come in reverse order.
pub(crate) const MAX_SKIP: u32 = 2_048;

/// Why a message of the ratchet was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RatchetFault {
    /// It was read before.
    Duplicate,
    /// Its key was thrown away: too many came after it.
    Expired,
    /// It would skip more than [`MAX_SKIP`] messages.
    TooFarAhead,
    /// Its tag is wrong: it was changed, or it is of another session.
    Forged,
}

#[derive(Debug, Clone)]
struct Chain {
    key: Key,
    /// Number of the next message.
    next: u32,
}

impl Chain {
    const fn new(key: Key) -> Self {
        Self { key, next: 0 }
    }

    fn step(&mut self) -> Key {
        let (message, next) = self.key.chain_step();
        self.key = next;
        self.next = self.next.saturating_add(1);
        message
    }
}

/// What has been received: the other side's key and the chain that follows from it.
#[derive(Debug, Clone)]
struct Receiving {
    ratchet: PublicKey,
    chain: Chain,
}

/// One side of a session.
#[derive(Debug, Clone)]
pub(crate) struct Ratchet {
    root: Key,
    own: SecretKey,
    own_public: PublicKey,
    sending: Option<Chain>,
    receiving: Option<Receiving>,
    /// Length of the sending chain before this one.
    previous: u32,
    skipped: Skipped,
}

/// A message that was read, and what is worth knowing about it.
pub(crate) struct Opened {
    pub(crate) text: Zeroizing<Vec<u8>>,
    /// Its number, when it is the first of a chain to come.
    pub(crate) first_of_chain: Option<u32>,
}

impl Ratchet {
    /// The side that sends first: `remote` is the other side's signed prekey.
    pub(crate) fn start(
        form: Form,
        shared: &Key,
        remote: &PublicKey,
        random: &mut dyn Randomness,
    ) -> Result<Self, KeyError> {
        let own = SecretKey::generate(random);
        let (root, chain) = root_step(form, shared, &*own.agree(remote)?);
        Ok(Self {
            root,
            own_public: own.public(),
            own,
            sending: Some(Chain::new(chain)),
            receiving: None,
            previous: 0,
            skipped: Skipped::default(),
        })
    }

    /// The side that receives first, with its signed prekey.
    pub(crate) fn accept(shared: Key, signed_prekey: SecretKey) -> Self {
        Self {
            root: shared,
            own_public: signed_prekey.public(),
            own: signed_prekey,
            sending: None,
            receiving: None,
            previous: 0,
            skipped: Skipped::default(),
        }
    }

    /// Whether it can send: the side that receives first cannot before it has received.
    pub(crate) const fn can_send(&self) -> bool {
        self.sending.is_some()
    }

    /// How many messages were sent with our present key.
    pub(crate) fn sent(&self) -> u32 {
        self.sending.as_ref().map_or(0, |chain| chain.next)
    }

    /// Encrypts `text`; `associated` is what both sides know. `None` while it cannot send.
    pub(crate) fn seal(&mut self, form: Form, associated: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let chain = self.sending.as_mut()?;
        let header = Header {
            ratchet: self.own_public,
            number: chain.next,
            previous: self.previous,
        };
        let keys = TextKeys::derive(chain.step().expose(), parameters(form).message);
        let ciphertext = cbc_encrypt(keys.cipher(), keys.iv(), text);
        let covered = covered(form, &header, &ciphertext);
        let tag = mac(keys.tag(), &[associated, &covered]);
        let tag = tag
            .get(..parameters(form).tag_bytes)
            .expect("a tag is cut to at most 32 bytes");
        Some(authenticated(form, &covered, tag))
    }

    /// Decrypts a message. After an error nothing has changed.
    pub(crate) fn open(
        &mut self,
        form: Form,
        associated: &[u8],
        message: &Message<'_>,
        random: &mut dyn Randomness,
    ) -> Result<Opened, RatchetFault> {
        let header = &message.header;
        match self.skipped.find(&header.ratchet, header.number) {
            Whereabouts::Kept(key) => {
                let text = open_with(form, key, associated, message)?;
                self.skipped.forget(&header.ratchet, header.number);
                return Ok(Opened {
                    text,
                    first_of_chain: None,
                });
            }
            Whereabouts::Dropped => return Err(RatchetFault::Expired),
            Whereabouts::PassedChain => return Err(RatchetFault::Duplicate),
            Whereabouts::Unknown => {}
        }
        if let Some(receiving) = &self.receiving
            && receiving.ratchet == header.ratchet
        {
            return self.open_in_chain(form, associated, message);
        }
        self.open_new_chain(form, associated, message, random)
    }

    fn open_in_chain(
        &mut self,
        form: Form,
        associated: &[u8],
        message: &Message<'_>,
    ) -> Result<Opened, RatchetFault> {
        let Some(receiving) = &mut self.receiving else {
            return Err(RatchetFault::Forged);
        };
        let number = message.header.number;
        if number < receiving.chain.next {
            return Err(RatchetFault::Duplicate);
        }
        let mut chain = receiving.chain.clone();
        let passed = skip_to(&mut chain, number)?;
        let text = open_with(form, &chain.step(), associated, message)?;
        receiving.chain = chain;
        let ratchet = receiving.ratchet;
        self.skipped.keep(&ratchet, passed);
        Ok(Opened {
            text,
            first_of_chain: None,
        })
    }

    /// A message with a new key of the other side: both chains are replaced.
    fn open_new_chain(
        &mut self,
        form: Form,
        associated: &[u8],
        message: &Message<'_>,
        random: &mut dyn Randomness,
    ) -> Result<Opened, RatchetFault> {
        let header = &message.header;
        let agreed = self
            .own
            .agree(&header.ratchet)
            .map_err(|_| RatchetFault::Forged)?;
        let (root, chain) = root_step(form, &self.root, &agreed);
        let mut chain = Chain::new(chain);
        let passed = skip_to(&mut chain, header.number)?;
        let text = open_with(form, &chain.step(), associated, message)?;

        // The message is genuine: what was not received of the chain before may yet come.
        if let Some(mut before) = self.receiving.take() {
            // libsignal says one message less than there were.
            let length = match form {
                Form::Current => header.previous,
                Form::Legacy => header.previous.saturating_add(1),
            };
            // Where more were lost than are ever kept, the session shall go on without them.
            let missing = skip_to(&mut before.chain, length);
            let lossy = missing.is_err();
            self.skipped
                .keep(&before.ratchet, missing.unwrap_or_default());
            self.skipped.close(&before.ratchet, lossy);
        }
        self.skipped.keep(&header.ratchet, passed);
        self.receiving = Some(Receiving {
            ratchet: header.ratchet,
            chain,
        });
        self.previous = self.sent();
        let own = SecretKey::generate(random);
        let agreed = own
            .agree(&header.ratchet)
            .map_err(|_| RatchetFault::Forged)?;
        let (root, chain) = root_step(form, &root, &agreed);
        self.root = root;
        self.own_public = own.public();
        self.own = own;
        self.sending = Some(Chain::new(chain));
        Ok(Opened {
            text,
            first_of_chain: Some(header.number),
        })
    }
}

/// The keys from the chain's place up to `number`, which is then the chain's place.
fn skip_to(chain: &mut Chain, number: u32) -> Result<Vec<(u32, Key)>, RatchetFault> {
    let count = number.saturating_sub(chain.next);
    if count > MAX_SKIP {
        return Err(RatchetFault::TooFarAhead);
    }
    Ok((0..count).map(|_| (chain.next, chain.step())).collect())
}

fn open_with(
    form: Form,
    key: &Key,
    associated: &[u8],
    message: &Message<'_>,
) -> Result<Zeroizing<Vec<u8>>, RatchetFault> {
    let keys = TextKeys::derive(key.expose(), parameters(form).message);
    let tag = mac(keys.tag(), &[associated, message.covered]);
    let right = tag
        .get(..message.tag.len())
        .is_some_and(|tag| equal(tag, message.tag));
    if !right {
        return Err(RatchetFault::Forged);
    }
    cbc_decrypt(keys.cipher(), keys.iv(), message.text).map_err(|_| RatchetFault::Forged)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
