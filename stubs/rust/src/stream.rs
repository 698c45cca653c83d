//! Follows the stream of suggestions to one worker, over breaks, until there is no more to do.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use crate::backoff::{Backoff, PATIENCE};
use crate::service_config::first_patience;
use crate::v1::stream_suggestions_response::Event;
use crate::v1::{StreamClosedReason, StreamOpened, StreamSuggestionsRequest};
use crate::{Client, Error, Suggestion};

// How long the first event may take, which says how long the next ones may.
const OPENING: Duration = Duration::from_secs(30);

/// The suggestions to one worker, until there is no more to do.
///
/// They are received beside whoever takes them, so that a break is noticed and mended while an
/// evaluation runs, and the leases live. Dropping it ends the stream and leaves the leases as they
/// are; [`close`](Self::close) gives back what was not taken.
#[derive(Debug)]
pub struct Suggestions {
    client: Client,
    received: mpsc::UnboundedReceiver<Received>,
    receiving: AbortOnDropHandle<()>,
    reason: Option<StreamClosedReason>,
    replaced: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Received {
    Suggestion(Suggestion),
    Ended(Result<StreamClosedReason, Error>),
}

impl Suggestions {
    /// Opens a stream, and opens it anew whenever it breaks off.
    pub fn open(client: &Client, request: StreamSuggestionsRequest) -> Self {
        // The service bounds what is in it by `max_outstanding`.
        let (sender, received) = mpsc::unbounded_channel();
        let replaced = Arc::<AtomicBool>::default();
        let receiver = Receiver {
            client: client.clone(),
            request,
            seen: HashSet::new(),
            backoff: Backoff::new(first_patience()),
            sender,
            replaced: replaced.clone(),
        };
        Self {
            client: client.clone(),
            received,
            receiving: AbortOnDropHandle::new(tokio::spawn(receiver.run())),
            reason: None,
            replaced,
        }
    }

    /// Returns why there is no more to do, once the stream has ended with that.
    pub fn closed_reason(&self) -> Option<StreamClosedReason> {
        self.reason
    }

    /// Whether another stream has the worker's id by now, and with it what this one held.
    pub(crate) fn replaced(&self) -> Arc<AtomicBool> {
        self.replaced.clone()
    }

    /// Ends the stream, and gives back what was received and not taken, unless the worker was
    /// replaced.
    pub async fn close(mut self) {
        self.receiving.abort();
        // It was aborted, or had ended.
        let _ = (&mut self.receiving).await;
        if self.replaced.load(Relaxed) {
            return;
        }
        self.received.close();
        let untaken = std::iter::from_fn(|| self.received.try_recv().ok());
        let giving_back = untaken.map(async |received| {
            if let Received::Suggestion(suggestion) = received {
                self.client.give_back(&suggestion).await;
            }
        });
        join_all(giving_back).await;
    }
}

impl Stream for Suggestions {
    type Item = Result<Suggestion, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.received.poll_recv(cx)) {
            Some(Received::Suggestion(suggestion)) => Some(Ok(suggestion)),
            Some(Received::Ended(Err(error))) => Some(Err(error)),
            Some(Received::Ended(Ok(reason))) => {
                self.reason = Some(reason);
                None
            }
            None => None,
        })
    }
}

struct Receiver {
    client: Client,
    request: StreamSuggestionsRequest,
    seen: HashSet<(String, i32)>,
    backoff: Backoff,
    sender: mpsc::UnboundedSender<Received>,
    replaced: Arc<AtomicBool>,
}

impl Receiver {
    async fn run(mut self) {
        let end = self.receive_over_breaks().await;
        let reason = end.as_ref().err().and_then(Error::reason);
        self.replaced
            .store(reason == Some("WORKER_REPLACED"), Relaxed);
        // Whoever takes is gone when this fails.
        let _ = self.sender.send(Received::Ended(end));
    }

    async fn receive_over_breaks(&mut self) -> Result<StreamClosedReason, Error> {
        loop {
            let error = match self.receive_until_break().await {
                Err(error) if error.is_unavailable() || error.asks_to_wait() => error,
                end => return end,
            };
            let Some(delay) = self.backoff.delay_after(&error) else {
                return Err(error);
            };
            tracing::warn!(%error, "stream broke off, opening it anew");
            tokio::time::sleep(delay).await;
        }
    }

    async fn receive_until_break(&mut self) -> Result<StreamClosedReason, Error> {
        let mut silence = OPENING;
        let opening = self.client.stream(self.request.clone());
        let mut stream = heard_within(silence, opening).await?;
        loop {
            let next = async { stream.message().await.map_err(Error::from) };
            let Some(response) = heard_within(silence, next).await? else {
                // Something between here and the service ended it, which would have said why.
                let message = "the stream ended without a reason";
                return Err(Error::without_service(Code::Unavailable, message));
            };
            match response.event {
                Some(Event::Opened(opened)) => {
                    self.backoff = Backoff::new(PATIENCE);
                    silence = longest_silence(&opened);
                }
                Some(Event::Assigned(assigned)) => {
                    self.receive(assigned.suggestion.unwrap_or_default().into());
                }
                Some(Event::Closed(closed)) => return Ok(closed.reason()),
                // A heartbeat, or an event that a newer service knows.
                _ => {}
            }
        }
    }

    fn receive(&mut self, suggestion: Suggestion) {
        let hand_out = (suggestion.id.clone(), suggestion.attempt);
        if self.seen.insert(hand_out) {
            let _ = self.sender.send(Received::Suggestion(suggestion));
        }
    }
}

fn longest_silence(opened: &StreamOpened) -> Duration {
    let interval = opened.heartbeat_interval;
    let interval: Option<Duration> = interval.and_then(|interval| interval.try_into().ok());
    interval.map_or(OPENING, |interval| interval * 2)
}

async fn heard_within<T>(
    silence: Duration,
    event: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(silence, event)
        .await
        .unwrap_or_else(|_| {
            let message = format!("nothing heard on the stream for {silence:?}");
            Err(Error::without_service(Code::Unavailable, message))
        })
}
