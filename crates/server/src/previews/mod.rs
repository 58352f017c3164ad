//! Previews of links (`docs/previews.md`): what is behind a link is fetched for one's own people only, within bounds, and
//! never from inside the house.

mod picture;

use std::sync::Arc;
use std::time::Duration;

use chat::{Chat, NoPreview, Previewer};
use tokio::sync::Semaphore;
use xmpp::xep::previews::{Picture, Preview};

use crate::config::Config;
use crate::outbound::{Got, NotGot, Outbound, Reach};

/// Bytes of a page that are read; its head is in them.
const PAGE: usize = 512 * 1024;
/// Largest picture that is made small.
const PICTURE: usize = 4 * 1024 * 1024;
/// Time for a page, and for its picture.
const PATIENCE: Duration = Duration::from_secs(8);
/// Previews that are made at once.
const AT_ONCE: usize = 16;
/// Pictures that are made small at once.
const PICTURES_AT_ONCE: usize = 2;

/// Makes previews.
pub struct Previews {
    web: Outbound,
    places: Arc<Semaphore>,
    pictures: Semaphore,
}

impl Previews {
    /// As the configuration says.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let reach = Reach {
            allowed: config.previews.allowed_networks.clone(),
        };
        Ok(Self {
            web: Outbound::new(reach, PATIENCE)?,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            pictures: Semaphore::new(PICTURES_AT_ONCE),
        })
    }

    /// Lets the messenger ask, for as long as the runtime lives.
    pub fn serve(self, chat: &Chat, per_minute: u32) {
        let previews = Arc::new(self);
        chat.set_previewer(Previewer {
            per_minute,
            fetch: Box::new(move |url, answer| {
                let Ok(place) = Arc::clone(&previews.places).try_acquire_owned() else {
                    return answer(Err(NoPreview::Busy));
                };
                let previews = Arc::clone(&previews);
                tokio::spawn(async move {
                    let _place = place;
                    answer(previews.make(url).await);
                });
            }),
        });
    }

    async fn make(&self, url: String) -> Result<Preview, NoPreview> {
        let accept = "text/html,application/xhtml+xml;q=0.9,image/*;q=0.8";
        let got = self.web.get(&url, accept, PAGE.max(PICTURE)).await;
        let got = got.map_err(|error| match error {
            NotGot::Barred(_) => NoPreview::Barred,
            NotGot::Nothing => NoPreview::Nothing,
            NotGot::Unreachable => NoPreview::Unreachable,
        })?;
        let (kind, parameters) = got
            .content_type
            .split_once(';')
            .unwrap_or((&got.content_type, ""));
        if matches!(kind.trim(), "text/html" | "application/xhtml+xml") {
            return self.of_page(url, &got, parameters).await;
        }
        // Which kind of picture it is its content says.
        if kind.starts_with("image/")
            && got.complete
            && let Some(picture) = self.small(got.body.to_vec(), None).await
        {
            let name = got
                .url
                .path_segments()
                .and_then(|mut parts| parts.next_back());
            let name = name.and_then(|name| pages::line(name, pages::LONGEST_TITLE));
            return Ok(Preview {
                url,
                title: name
                    .or_else(|| got.url.host_str().map(str::to_owned))
                    .ok_or(NoPreview::Nothing)?,
                target: got.url.into(),
                picture: Some(picture),
                ..Preview::default()
            });
        }
        Err(NoPreview::Nothing)
    }

    async fn of_page(
        &self,
        url: String,
        got: &Got,
        parameters: &str,
    ) -> Result<Preview, NoPreview> {
        let charset = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            (name.trim() == "charset").then(|| value.trim().trim_matches('"'))
        });
        let page = got.body.get(..PAGE).unwrap_or(&got.body);
        let facts = pages::read(page, charset);
        let title = facts.title.ok_or(NoPreview::Nothing)?;
        let base = facts.base.and_then(|base| got.url.join(&base).ok());
        let base = base.as_ref().unwrap_or(&got.url);
        let picture = match facts.picture.and_then(|picture| base.join(&picture).ok()) {
            Some(address) => self.picture(address.as_str(), facts.picture_alt).await,
            None => None,
        };
        Ok(Preview {
            url,
            target: got.url.to_string(),
            title,
            description: facts.description,
            site_name: facts.site_name,
            picture,
        })
    }

    /// A preview without a picture is one, too.
    async fn picture(&self, address: &str, alt: Option<String>) -> Option<Picture> {
        let got = self.web.get(address, "image/*", PICTURE).await.ok()?;
        if !got.complete {
            return None;
        }
        self.small(got.body.to_vec(), alt).await
    }

    async fn small(&self, bytes: Vec<u8>, alt: Option<String>) -> Option<Picture> {
        let _place = self.pictures.acquire().await.ok()?;
        let small = tokio::task::spawn_blocking(move || picture::small(&bytes));
        Some(Picture {
            media_type: "image/jpeg".to_owned(),
            data: small.await.ok()??,
            alt,
        })
    }
}

#[cfg(test)]
mod tests;
