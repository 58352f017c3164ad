//! Who sends a notification (VAPID, RFC 8292): one key of this server, made at the first start and kept.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::Store;

/// Setting under which the key is kept.
const SETTING: &str = "vapid-key";
/// Seconds that a token is good for; at most a day (RFC 8292 §2).
const LIFE: i64 = 12 * 3600;

/// The key.
pub(super) struct Vapid {
    key: EcdsaKeyPair,
    subject: String,
}

impl Vapid {
    /// The key of this server. `subject` is an address of its operator, as `https:` or `mailto:`.
    ///
    /// # Errors
    /// When the store cannot be used, or the key in it is damaged.
    pub(super) async fn open(store: &Store, subject: String) -> anyhow::Result<Self> {
        let wrong = |_| anyhow::anyhow!("no key for Web Push could be made");
        let fresh =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(wrong)?;
        let kept = store.setting_or(SETTING, fresh.as_ref().to_vec()).await?;
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &kept).map_err(|_| {
                anyhow::anyhow!(
                    "the key for Web Push in the store is damaged; restore the last backup"
                )
            })?;
        Ok(Self { key, subject })
    }

    /// The public key: 65 bytes, for `applicationServerKey` of browsers.
    pub(super) fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The value of `Authorization` for a request to the push service at `audience`, an origin.
    pub(super) fn authorization(&self, audience: &str, now: Timestamp) -> Option<String> {
        let claims = serde_json::json!({
            "aud": audience,
            "exp": now.seconds() + LIFE,
            "sub": self.subject,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut token = encode(br#"{"typ":"JWT","alg":"ES256"}"#);
        token.push('.');
        token.push_str(&encode(claims.to_string().as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), token.as_bytes()).ok()?;
        token.push('.');
        token.push_str(&encode(signature.as_ref()));
        Some(format!("vapid t={token}, k={}", encode(self.public())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use store::StoreConfig;

    fn verifies(key: &[u8], token: &str) -> bool {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(signed.as_bytes(), &signature)
            .is_ok()
    }

    /// RFC 8292 §2.4: our verification is the specification's.
    #[test]
    fn the_example_of_the_specification_verifies() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3\
                     B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1ha\
                     Wx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_H\
                     LGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
        let key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_\
                   RCPCfA5aq9ojSwk5Y2EmClBPs";
        assert!(verifies(
            &URL_SAFE_NO_PAD.decode(key).expect("base64url"),
            token
        ));
    }

    #[tokio::test]
    async fn a_token_is_signed_by_a_key_that_stays() {
        let clock = || Timestamp::from_seconds(0);
        let store = Store::open(StoreConfig::inline(clock)).expect("a store");
        let open = async || Vapid::open(&store, "https://example.org".into()).await;
        let vapid = open().await.expect("a key");
        let now = Timestamp::from_seconds(1_453_523_768);
        let value = vapid
            .authorization("https://push.example.net", now)
            .expect("signed");
        let (token, key) = value
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .expect("the form of RFC 8292 §3");
        let key = URL_SAFE_NO_PAD.decode(key).expect("base64url");
        assert_eq!((key.len(), key[0]), (65, 4));
        assert!(verifies(&key, token));
        let claims = token.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims["aud"], "https://push.example.net");
        assert_eq!(claims["exp"], 1_453_523_768 + LIFE);
        assert_eq!(claims["sub"], "https://example.org");
        assert_eq!(open().await.expect("a key").public(), vapid.public());
    }
}
