//! The body of a request, held in memory: a short one of anybody, a long one only for a session whose client is logged in.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::body::session_of;
use crate::config::Limits;

/// What a wrapper takes beside what is in it, in bytes.
const WRAPPER: usize = 4 * 1024;

/// The whole body, and what `admit` gave for the session that it names: it is asked when the body is longer than one of
/// a stranger may be. `None` for a body that is too long for its sender, or that does not end well.
pub(super) async fn whole<E, P>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    limits: &Limits,
    admit: impl Fn(&str) -> Option<P>,
) -> Option<(Vec<u8>, Option<P>)> {
    let mut most = limits.preauth_stanza_bytes + WRAPPER;
    let (mut text, mut admitted) = (Vec::new(), None);
    while let Some(bytes) = body.next().await {
        text.extend_from_slice(&bytes.ok()?);
        if text.len() > most && admitted.is_none() {
            admitted = Some(admit(&session_of(&text)?)?);
            most = limits.stanza_bytes + WRAPPER;
        }
        if text.len() > most {
            return None;
        }
    }
    Some((text, admitted))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{FutureExt, stream};

    use super::*;

    /// What is taken of a body whose pieces are these; the session `known` has a client that is logged in.
    fn taken(pieces: &[&[u8]]) -> Option<(usize, bool)> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
            .collect();
        let limits = Limits::default();
        let whole = whole(stream::iter(pieces), &limits, |sid| {
            (sid == "known").then_some(())
        });
        let (text, admitted) = whole.now_or_never().expect("all pieces are there")?;
        Some((text.len(), admitted.is_some()))
    }

    #[test]
    fn long_bodies_are_only_for_those_who_are_logged_in() {
        let limits = Limits::default();
        let begin = |sid: &str| {
            format!("<body rid='7' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>")
        };
        let (known, unknown) = (begin("known"), begin("unknown"));
        let long = vec![b'a'; limits.preauth_stanza_bytes + WRAPPER];
        let (first, rest) = (&long[..1_000], &long[1_000..]);
        assert_eq!(taken(&[first]), Some((1_000, false)));
        assert_eq!(
            taken(&[unknown.as_bytes(), first]).map(|taken| taken.1),
            Some(false)
        );
        assert_eq!(taken(&[b"<", first, rest]), None);
        assert_eq!(taken(&[unknown.as_bytes(), first, rest]), None);
        let all = Some((known.len() + long.len(), true));
        assert_eq!(taken(&[known.as_bytes(), first, rest]), all);
        let too_long = vec![b'a'; limits.stanza_bytes + WRAPPER];
        assert_eq!(taken(&[known.as_bytes(), &too_long]), None);
    }
}
