//! Own pictures, as the page hands them over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::answer::{Failure, FailureKind};

/// A picture of somebody: small, square, best a PNG.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// `image/png`.
    pub media_type: String,
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// Its bytes in Base64.
    pub data: String,
}

impl TryFrom<Picture> for client::Picture {
    type Error = Failure;

    fn try_from(picture: Picture) -> Result<Self, Failure> {
        let bytes = STANDARD.decode(&picture.data);
        let bytes = bytes.map_err(|error| Failure::new(FailureKind::NotPossible, error))?;
        Ok(Self {
            media_type: picture.media_type,
            width: picture.width,
            height: picture.height,
            bytes: bytes.into(),
        })
    }
}
