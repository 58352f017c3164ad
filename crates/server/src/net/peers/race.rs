//! The race of attempts to connect (RFC 8305 §5): an address that does not answer delays nobody for long.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Time to the next attempt beside one that is under way.
const STAGGER: Duration = Duration::from_millis(250);
/// Attempts that are under way beside each other.
const ABREAST: usize = 4;

/// The first attempt that succeeds, with its candidate. One begins when the one before has failed, or has taken a moment.
/// Candidates that had their turn are gone from the line; `failed` hears why. `None` when all have failed. `pause` lets time
/// pass.
pub(super) async fn race<C: Clone, S, F, P>(
    candidates: &mut VecDeque<C>,
    attempt: impl Fn(C) -> F,
    pause: impl Fn(Duration) -> P,
    mut failed: impl FnMut(&C, io::Error),
) -> Option<(S, C)>
where
    F: Future<Output = io::Result<S>>,
    P: Future<Output = ()>,
{
    let mut attempts = FuturesUnordered::new();
    loop {
        if attempts.len() < ABREAST
            && let Some(candidate) = candidates.pop_front()
        {
            let connecting = attempt(candidate.clone());
            attempts.push(async { (candidate, connecting.await) });
        }
        let more = !candidates.is_empty() && attempts.len() < ABREAST;
        let ended = if more {
            // What takes longer goes on beside the next one.
            match select(attempts.next(), pin!(pause(STAGGER))).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => continue,
            }
        } else {
            attempts.next().await
        };
        match ended {
            None => return None,
            Some((candidate, Ok(reached))) => return Some((reached, candidate)),
            Some((candidate, Err(error))) => failed(&candidate, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A time that goes on when nobody has anything to do.
    #[derive(Default)]
    struct Time {
        now: u64,
        alarms: Vec<(u64, Waker)>,
    }

    /// Ready at a time, in milliseconds.
    struct Until<'a>(&'a RefCell<Time>, u64);

    impl Future for Until<'_> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let mut time = self.0.borrow_mut();
            if time.now >= self.1 {
                return Poll::Ready(());
            }
            time.alarms.push((self.1, cx.waker().clone()));
            Poll::Pending
        }
    }

    fn after(time: &RefCell<Time>, milliseconds: u64) -> Until<'_> {
        let now = time.borrow().now;
        Until(time, now + milliseconds)
    }

    /// Lets time pass until the future is ready.
    fn run<T>(time: &RefCell<Time>, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(done) = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                return done;
            }
            let alarms = std::mem::take(&mut time.borrow_mut().alarms);
            let next = alarms.iter().map(|(at, _)| *at).min();
            time.borrow_mut().now = next.expect("somebody waits for something");
            for (_, waker) in alarms {
                waker.wake();
            }
        }
    }

    /// What an address does.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Way {
        /// Packets to it are lost.
        BlackHole,
        Refuses,
        /// Answers after so many milliseconds.
        Answers(u64),
    }
    use Way::{Answers, BlackHole, Refuses};

    /// What a race of these ends with: the winner, when it had won, and when each attempt began, in milliseconds.
    fn outcome(ways: &[Way]) -> (Option<Way>, u64, Vec<u64>) {
        let time = RefCell::new(Time::default());
        let mut candidates: VecDeque<Way> = ways.iter().copied().collect();
        let begun = RefCell::new(Vec::new());
        let attempt = |way: Way| {
            let now = time.borrow().now;
            begun.borrow_mut().push(now);
            let time = &time;
            async move {
                match way {
                    BlackHole => {
                        after(time, 20_000).await;
                        Err(io::ErrorKind::TimedOut.into())
                    }
                    Refuses => Err(io::ErrorKind::ConnectionRefused.into()),
                    Answers(milliseconds) => {
                        after(time, milliseconds).await;
                        Ok(way)
                    }
                }
            }
        };
        let pause =
            |pause: Duration| after(&time, u64::try_from(pause.as_millis()).expect("short"));
        let won = run(&time, race(&mut candidates, attempt, pause, |_, _| {}));
        let now = time.borrow().now;
        (won.map(|(way, _)| way), now, begun.take())
    }

    #[test]
    fn an_address_that_swallows_all_delays_the_next_by_a_moment_only() {
        let swift = Answers(30);
        for (ways, expected) in [
            (vec![swift, Answers(1)], (Some(swift), 30, vec![0])),
            (vec![BlackHole, swift], (Some(swift), 280, vec![0, 250])),
            (
                vec![BlackHole, BlackHole, swift, Answers(2)],
                (Some(swift), 530, vec![0, 250, 500]),
            ),
            // Who refuses costs no time at all.
            (
                vec![Refuses, BlackHole, Refuses, swift],
                (Some(swift), 280, vec![0, 0, 250, 250]),
            ),
            // One that is slow goes on beside the others, and may still be the first.
            (
                vec![Answers(400), BlackHole, Answers(300)],
                (Some(Answers(400)), 400, vec![0, 250]),
            ),
            (vec![Refuses, Refuses], (None, 0, vec![0, 0])),
        ] {
            assert_eq!(outcome(&ways), expected, "{ways:?}");
        }
    }

    #[test]
    fn no_more_than_a_few_are_under_way_at_once() {
        let (won, _, begun) = outcome(&[BlackHole; 6]);
        assert_eq!(won, None);
        assert_eq!(begun, [0, 250, 500, 750, 20_000, 20_250]);
    }
}
