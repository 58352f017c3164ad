//! AES-256-CBC with PKCS#7, and AES-128-GCM.

use aes::{Aes128, Aes256};
use aes_gcm::aead::array::typenum::{U12, U16};
use aes_gcm::aead::{Aead, AeadInOut, KeyInit, Nonce};
use aes_gcm::aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use aes_gcm::{AesGcm, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

type Gcm = AesGcm<Aes128, U12>;
/// Old versions of Conversations take 16 bytes as initialisation vector.
type GcmLong = AesGcm<Aes128, U16>;

/// The text was made with another key, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CipherError;

/// Whether two tags are equal, in a time that does not tell where they differ.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

pub(crate) fn cbc_encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// Only call it once the tag is checked: an error here tells about the padding.
pub(crate) fn cbc_decrypt(
    key: &[u8; 32],
    iv: &[u8; 16],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CipherError> {
    cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| CipherError)
}

/// Ciphertext and tag.
pub(crate) fn gcm_encrypt_detached(
    key: &[u8; 16],
    iv: &[u8; 12],
    plaintext: &[u8],
) -> (Vec<u8>, [u8; 16]) {
    let mut text = plaintext.to_vec();
    let tag: Tag = Gcm::new(key.into())
        .encrypt_inout_detached(iv.into(), &[], text.as_mut_slice().into())
        .expect("a stanza is shorter than GCM's limit of 64 GiB");
    (text, tag.into())
}

/// `ciphertext` has the tag behind it; `iv` has 12 or 16 bytes.
pub(crate) fn gcm_decrypt(
    key: &[u8; 16],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CipherError> {
    let plaintext = if let Ok(iv) = <&Nonce<Gcm>>::try_from(iv) {
        Gcm::new(key.into()).decrypt(iv, ciphertext)
    } else if let Ok(iv) = <&Nonce<GcmLong>>::try_from(iv) {
        GcmLong::new(key.into()).decrypt(iv, ciphertext)
    } else {
        return Err(CipherError);
    };
    plaintext.map(Zeroizing::new).map_err(|_| CipherError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::unhex;

    #[test]
    fn cbc_is_that_of_nist_with_padding() {
        // NIST SP 800-38A F.2.5, first block; the block of padding follows.
        let key: [u8; 32] =
            unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
                .try_into()
                .unwrap();
        let iv: [u8; 16] = unhex("000102030405060708090a0b0c0d0e0f")
            .try_into()
            .unwrap();
        let plaintext = unhex("6bc1bee22e409f96e93d7e117393172a");
        let ciphertext = cbc_encrypt(&key, &iv, &plaintext);
        assert_eq!(
            ciphertext[..16],
            unhex("f58c4c04d6e5f1ba779eabfb5f7bfbd6")[..]
        );
        assert_eq!(ciphertext.len(), 32);
        assert_eq!(
            cbc_decrypt(&key, &iv, &ciphertext).map(|text| text.to_vec()),
            Ok(plaintext)
        );
        assert_eq!(cbc_decrypt(&key, &iv, &ciphertext[..31]), Err(CipherError));
        assert_eq!(cbc_decrypt(&key, &iv, &[]), Err(CipherError));
    }

    #[test]
    fn gcm_is_that_of_its_specification() {
        // McGrew and Viega, test case 2.
        let (text, tag) = gcm_encrypt_detached(&[0; 16], &[0; 12], &[0; 16]);
        let sealed = [text, tag.to_vec()].concat();
        assert_eq!(
            sealed,
            unhex("0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf")
        );
        let opened = gcm_decrypt(&[0; 16], &[0; 12], &sealed).unwrap();
        assert_eq!(*opened, [0; 16]);
        assert_eq!(
            gcm_decrypt(&[0; 16], &[0; 12], &sealed[1..]),
            Err(CipherError)
        );
        assert_eq!(gcm_decrypt(&[0; 16], &[0; 3], &sealed), Err(CipherError));
    }
}
