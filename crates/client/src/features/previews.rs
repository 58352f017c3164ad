//! urn:hauspost:previews:0: Link previews: what is behind a link that is being written, as our own server finds it
//! (`docs/previews.md`).

use base::Redacted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmpp::condition::StanzaCondition;
use xmpp::xep::previews::{Preview, request};

use crate::client::Client;
use crate::command::Draft;
use crate::connection::requests::{Answer, Asked};
use crate::event::Event;
use crate::previews::{self, Found};
use crate::storage::Storage;
use crate::text::Document;
use crate::turn::Turn;

/// Links of which it is remembered what is behind them.
const MOST: usize = 32;

/// What was found behind links. In memory only: it matters while a message is being written.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<(String, State)>);

#[derive(Debug)]
enum State {
    /// The server was asked.
    Asked,
    /// There is nothing to show.
    Nothing,
    Found(Box<Found>),
}

impl Links {
    fn get(&self, link: &str) -> Option<&State> {
        let found = self.0.iter().find(|(known, _)| known == link);
        found.map(|(_, state)| state)
    }

    fn set(&mut self, link: String, state: Option<State>) {
        self.0.retain(|(known, _)| *known != link);
        if let Some(state) = state {
            if self.0.len() >= MOST {
                self.0.remove(0);
            }
            self.0.push((link, state));
        }
    }

    /// What the message would show of a link.
    fn shown(&self, link: &str) -> Option<previews::Preview> {
        let Some(State::Found(found)) = self.get(link) else {
            return None;
        };
        let xml = previews::elements(std::slice::from_ref(&**found));
        let shown = previews::read(&Document::parse(link, &[]), &xml);
        shown.into_iter().next()
    }
}

impl<S: Storage> Client<S> {
    /// Asks what is behind the first link of a text, if nobody knows yet. Gives that link.
    pub(crate) fn look_at_link(&mut self, text: &str, turn: &Turn<'_>) -> Option<String> {
        let document = Document::parse(text, &[]);
        let link = (*previews::to_fetch(&document).first()?).to_owned();
        match self.links.get(&link) {
            Some(State::Asked) => {}
            Some(State::Nothing | State::Found(_)) => self.tell_of(link.clone()),
            None => {
                let asked = Asked::Preview(link.clone());
                if !self.surroundings.previews
                    || !self.ask(false, None, &request(&link), asked, turn)
                {
                    return None;
                }
                self.links.set(link.clone(), Some(State::Asked));
            }
        }
        Some(link)
    }

    pub(crate) fn preview_came(&mut self, link: String, answer: Answer<'_>) {
        let state = match answer {
            Answer::Result(payload) => payload
                .and_then(Preview::read)
                .filter(|preview| preview.url == link)
                .map_or(State::Nothing, |preview| {
                    State::Found(Box::new(found(preview)))
                }),
            Answer::Error(error) => {
                if error.condition == StanzaCondition::NotAllowed {
                    self.surroundings.previews = false;
                }
                // What says nothing of the link itself may be asked again.
                let passing = matches!(
                    error.condition,
                    StanzaCondition::PolicyViolation | StanzaCondition::ResourceConstraint
                );
                if passing {
                    self.links.set(link.clone(), None);
                    return self.tell_of(link);
                }
                State::Nothing
            }
            Answer::None => return self.links.set(link, None),
        };
        self.links.set(link.clone(), Some(state));
        self.tell_of(link);
    }

    fn tell_of(&mut self, link: String) {
        let preview = self.links.shown(&link);
        self.tell(Event::Preview { link, preview });
    }

    /// Seals what is behind the link of a draft in it, if that was found.
    pub(crate) fn add_preview(&self, draft: &mut Draft) {
        let Some(link) = draft.preview.take() else {
            return;
        };
        if let Some(State::Found(found)) = self.links.get(&link) {
            let mut elements = draft.elements.expose().clone();
            elements.push_str(&previews::elements(std::slice::from_ref(&**found)));
            draft.elements = Redacted::new(elements);
        }
    }
}

fn found(preview: Preview) -> Found {
    let Preview {
        url,
        title,
        description,
        site_name,
        picture,
        ..
    } = preview;
    let (picture, picture_alt) = picture.map_or((None, None), |picture| {
        let data = STANDARD.encode(&picture.data);
        let address = format!("data:{};base64,{data}", picture.media_type);
        (Some(address), picture.alt)
    });
    Found {
        link: url,
        title,
        description,
        site_name,
        picture,
        picture_alt,
    }
}
