//! Results that come from another thread, without a runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use parking_lot::Mutex;

use crate::StoreError;

/// A result that is there or on its way.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Reading<T>(State<T>);

#[derive(Debug)]
enum State<T> {
    Ready(Option<Result<T, StoreError>>),
    Waiting(Arc<Slot<T>>),
}

#[derive(Debug)]
struct Slot<T>(Mutex<Content<T>>);

#[derive(Debug)]
enum Content<T> {
    Empty(Option<Waker>),
    Full(Result<T, StoreError>),
    Taken,
}

/// The other end of a [`Reading`]; dropped without a result it answers [`StoreError::Closed`].
#[derive(Debug)]
pub struct Answer<T>(Option<Arc<Slot<T>>>);

impl<T> Reading<T> {
    /// A result that is there already.
    pub const fn ready(result: Result<T, StoreError>) -> Self {
        Self(State::Ready(Some(result)))
    }

    /// A result on its way, and the end to give it to.
    pub fn pair() -> (Answer<T>, Self) {
        let slot = Arc::new(Slot(Mutex::new(Content::Empty(None))));
        (Answer(Some(Arc::clone(&slot))), Self(State::Waiting(slot)))
    }
}

impl<T> Answer<T> {
    /// Gives the result and wakes who waits for it.
    pub fn give(mut self, result: Result<T, StoreError>) {
        self.fill(result);
    }

    fn fill(&mut self, result: Result<T, StoreError>) {
        if let Some(slot) = self.0.take() {
            let before = std::mem::replace(&mut *slot.0.lock(), Content::Full(result));
            if let Content::Empty(Some(waker)) = before {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.fill(Err(StoreError::Closed));
    }
}

// No field is ever pinned.
impl<T> Unpin for Reading<T> {}

impl<T> Future for Reading<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().unwrap_or(Err(StoreError::Closed))),
            State::Waiting(slot) => {
                let mut content = slot.0.lock();
                match std::mem::replace(&mut *content, Content::Taken) {
                    Content::Full(result) => Poll::Ready(result),
                    Content::Taken => Poll::Ready(Err(StoreError::Closed)),
                    Content::Empty(_) => {
                        *content = Content::Empty(Some(cx.waker().clone()));
                        Poll::Pending
                    }
                }
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks the thread until `future` is done. For the command line and tests; a task of a runtime
/// awaits instead.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_another_thread() {
        let (answer, reading) = Reading::pair();
        let other = thread::spawn(move || answer.give(Ok(7)));
        assert_eq!(wait(reading), Ok(7));
        other.join().expect("the thread ends");
    }

    #[test]
    fn a_dropped_answer_is_an_error() {
        let (answer, reading) = Reading::<u8>::pair();
        drop(answer);
        assert_eq!(wait(reading), Err(StoreError::Closed));
    }
}
