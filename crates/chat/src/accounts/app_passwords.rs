//! App passwords: each lets one program in, and ends without the others.
//!
//! A client logs in with the account's own name and an app password in the place of the password,
//! by every mechanism that takes passwords. SCRAM tells the client one salt and one number of
//! iterations before it shows what it knows, so the keys of app passwords are made with the salt
//! and the iterations of the account's own keys: one challenge fits them all, and the proof tells
//! which it was. A name such as `romeo+phone` would not do: clients take the address that the
//! server gives them at binding, and would log in under that one the next time.

use std::sync::Arc;

use base::Now;
use store::AppPasswordId;
use xmpp::sasl::{Password, ScramHash, UnknownAccounts};

use super::Refusal;
use crate::{Account, Chat};

/// Random bytes of an app password: 120 bits.
const BYTES: usize = 15;
/// Characters between hyphens.
const GROUP: usize = 6;
/// Longest label, in characters.
const MOST_LABEL: usize = 64;

/// An app password that was just made.
pub struct NewAppPassword {
    /// Its key.
    pub id: AppPasswordId,
    /// The password, to be shown once.
    pub password: Password,
    /// What its owner calls it.
    pub label: Arc<str>,
}

/// The password of some randomness: lower-case letters and digits that nobody mixes up.
fn spell(random: &[u8]) -> Password {
    let text = base::id::short(&random[..BYTES.min(random.len())]);
    let groups: Vec<&str> = text
        .as_bytes()
        .chunks(GROUP)
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    Password::new(groups.join("-"))
}

impl Chat {
    /// Makes an app password.
    ///
    /// # Errors
    /// [`Refusal::TooManyAppPasswords`].
    pub async fn create_app_password(
        &self,
        account: &Account,
        label: &str,
        now: Now,
    ) -> Result<NewAppPassword, Refusal> {
        let config = self.config();
        let most = config.registration.app_passwords;
        let _turn = account.turn().await;
        let store = self.store();
        if store.app_passwords(account.id()).await?.len() >= most {
            return Err(Refusal::TooManyAppPasswords(most));
        }
        let local = account.jid().local().unwrap_or_default();
        let login = store.login(local, None).await?;
        let login = login.ok_or(Refusal::NoSuchAccount)?;
        let unknown = UnknownAccounts::new(&config.secret, config.scram_iterations);
        let salts = ScramHash::ALL.iter().map(|hash| {
            let own = login.keys.iter().find(|key| *key.hash == *hash.name());
            match own {
                Some(own) => (*hash, own.salt.clone(), own.iterations),
                // What the account shows to whoever asks for keys that it has not.
                None => {
                    let shown = unknown.keys(account.jid().as_str(), *hash);
                    (*hash, shown.salt.clone(), shown.iterations)
                }
            }
        });
        let salts = salts.collect();
        let password = spell(&self.house.ids.lock().bytes("app password"));
        let keys = self.stretch(password.clone(), salts).await?;
        let label: Arc<str> = label.chars().take(MOST_LABEL).collect::<String>().into();
        let id = store
            .app_password_create(account.id(), &label, keys, now.wall)
            .await?;
        Ok(NewAppPassword {
            id,
            password,
            label,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::spell;

    #[test]
    fn passwords_are_easy_to_type() {
        let password = spell(&[0xa7; 32]);
        assert_eq!(password.expose().len(), 24 + 3);
        let groups: Vec<&str> = password.expose().split('-').collect();
        assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 6));
    }
}
