//! Runs a function over the stream of suggestions, and reports what it returns.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};
use tokio::{join, select};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::backoff::{Backoff, PATIENCE};
use crate::client::{ENDING_TIMEOUT, new_id};
use crate::leases::DEFAULT_LEASE;
use crate::v1::{
    CreateObservationRequest, MetricValue, StreamClosedReason, StreamSuggestionsRequest,
};
use crate::{Client, Error, Suggestion, Suggestions};

const EXPERIMENT_ARCHIVED: &str = "EXPERIMENT_ARCHIVED";

/// Evaluates the suggestions of one experiment.
#[derive(Debug, Clone)]
pub struct Worker {
    client: Client,
    request: StreamSuggestionsRequest,
    max_failures: u32,
    stop: CancellationToken,
    drain: CancellationToken,
}

/// What a worker did, and why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// How many outcomes were reported, failed ones included.
    pub evaluated: usize,
    /// Why there is no more to do. None when the worker was stopped or drained.
    pub reason: Option<StreamClosedReason>,
}

enum Outcome {
    Observed,
    Failed(String),
    Lost,
    GivenBack,
}

impl Worker {
    /// Returns a worker with an id of its own that evaluates one suggestion at a time.
    pub fn new(client: &Client, experiment_id: impl Into<String>) -> Self {
        Self {
            client: client.clone(),
            request: StreamSuggestionsRequest {
                experiment_id: experiment_id.into(),
                worker_id: new_id(),
                max_outstanding: 1,
                ..Default::default()
            },
            max_failures: 10,
            stop: CancellationToken::new(),
            drain: CancellationToken::new(),
        }
    }

    /// Sets its id: the same when it comes back after a break, different for every worker.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.request.worker_id = id.into();
        self
    }

    /// Sets how many suggestions it evaluates at the same time, up to 1000. 0 means 1.
    pub fn max_outstanding(mut self, count: u16) -> Self {
        self.request.max_outstanding = count.into();
        self
    }

    /// Sets how long a point that knows the newest observations is worth waiting for, up to an hour,
    /// instead of a tenth of what an evaluation takes. Zero takes what is ready; where nothing is,
    /// it waits all the same.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.request.max_wait = Some(prost_types::Duration {
            // The service refuses what is too long.
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: wait.subsec_nanos().cast_signed(),
        });
        self
    }

    /// Sets after how many failures in a row it gives up, instead of 10. 0 means 1.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.max_failures = count;
        self
    }

    /// Sets what stops it: evaluations are dropped and their suggestions given back, what was
    /// measured is still reported, and it ends within 5 seconds.
    pub fn stop_on(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Sets what drains it: it takes nothing more, and ends when all it holds is reported.
    pub fn drain_on(mut self, drain: CancellationToken) -> Self {
        self.drain = drain;
        self
    }

    /// Evaluates until there is no more to do, and reports every outcome.
    ///
    /// What the function fails with is logged and reported as a failed observation, and so is a
    /// value or standard deviation that is not finite, or a negative standard deviation. Evaluations
    /// run on the task that awaits this, side by side; work that keeps a processor busy belongs into
    /// [`spawn_blocking`](tokio::task::spawn_blocking).
    ///
    /// A service that goes away is waited for up to five minutes, and one that never answered for
    /// several seconds.
    ///
    /// # Errors
    ///
    /// When the stream or a report fails for good, such as with reason `WORKER_REPLACED`, or
    /// evaluations keep failing. Before that, what is being evaluated is finished and reported. When
    /// it is stopped and an outcome cannot be reported, because the service is away.
    pub async fn run<F, Fut, V, E>(self, evaluate: F) -> Result<Finished, Error>
    where
        F: Fn(Suggestion) -> Fut,
        Fut: Future<Output = Result<V, E>>,
        V: IntoIterator<Item: Into<MetricValue>>,
        E: Display,
    {
        let mut suggestions = Suggestions::open(&self.client, self.request.clone());
        // Then whoever has this worker's id holds the same, under the same attempts.
        let replaced = suggestions.replaced();
        let mut tally = Tally::new(self.max_failures);
        let mut held = HashMap::new();
        let mut evaluations = FuturesUnordered::new();
        let mut end = loop {
            select! {
                biased;
                () = self.stop.cancelled() => break Ok(None),
                () = self.drain.cancelled() => break Ok(None),
                Some((id, outcome)) = evaluations.next() => {
                    held.remove(&id);
                    if let Err(error) = tally.count(outcome) {
                        break Err(error);
                    }
                }
                next = suggestions.next() => match next {
                    None => break Ok(suggestions.closed_reason()),
                    Some(Err(error)) => break Err(error),
                    Some(Ok(suggestion)) => {
                        let id = suggestion.id.clone();
                        // Otherwise handed out anew after a long break, while it is still evaluated here.
                        if held.insert(id.clone(), suggestion.clone()).is_none() {
                            let evaluation = evaluate(suggestion.clone());
                            let outcome = self.evaluate_and_report(suggestion, evaluation, &replaced);
                            evaluations.push(async { (id, outcome.await) });
                        }
                    }
                },
            }
        };

        let finishing = async {
            // No stream renews these any more.
            let keep = |held: &Suggestion| self.client.keep_lease(held, DEFAULT_LEASE);
            let _keepers: Vec<_> = if replaced.load(Relaxed) {
                Vec::new()
            } else {
                held.values().map(keep).collect()
            };
            while let Some((_, outcome)) = evaluations.next().await {
                end = end.and_then(|reason| tally.count(outcome).map(|()| reason));
            }
            end
        };
        let (end, ()) = join!(finishing, suggestions.close());
        end.map(|reason| Finished {
            evaluated: tally.evaluated,
            reason,
        })
    }

    async fn evaluate_and_report<V, E>(
        &self,
        suggestion: Suggestion,
        evaluation: impl Future<Output = Result<V, E>>,
        replaced: &AtomicBool,
    ) -> Result<Outcome, Error>
    where
        V: IntoIterator<Item: Into<MetricValue>>,
        E: Display,
    {
        let result = select! {
            biased;
            () = self.stop.cancelled() => {
                if !replaced.load(Relaxed) {
                    self.client.give_back(&suggestion).await;
                }
                return Ok(Outcome::GivenBack);
            }
            result = evaluation => values(result),
        };
        let reported = self.report(&suggestion, result).await;
        // Where no service answered, the outcome may be known to it.
        if reported
            .as_ref()
            .is_err_and(|error| !may_have_arrived(error))
            && !replaced.load(Relaxed)
        {
            self.client.give_back(&suggestion).await;
        }
        reported
    }

    /// Reports an outcome: patiently, until the worker is stopped.
    async fn report(
        &self,
        suggestion: &Suggestion,
        result: Result<Vec<MetricValue>, String>,
    ) -> Result<Outcome, Error> {
        let (values, outcome) = match result {
            Ok(values) => (values, Outcome::Observed),
            Err(failure) => {
                tracing::warn!(suggestion = suggestion.id, failure, "evaluation failed");
                (Vec::new(), Outcome::Failed(failure))
            }
        };
        let request = CreateObservationRequest {
            experiment_id: suggestion.experiment_id.clone(),
            // Made here, so that it is the same one however often this is tried.
            request_id: new_id(),
            suggestion_id: suggestion.id.clone(),
            failed: matches!(outcome, Outcome::Failed(_)),
            values,
            ..Default::default()
        };
        let reported = select! {
            reported = self.report_patiently(&request) => reported,
            // Whoever stops it wants to end, and still wants to know what was measured.
            () = self.stop.cancelled() => self.report_soon(&request).await,
        };
        match reported {
            Ok(()) => Ok(outcome),
            Err(error) if error.reason() == Some(EXPERIMENT_ARCHIVED) => {
                // The stream says so as well, and that is how this ends.
                tracing::warn!(suggestion = suggestion.id, %error, "outcome lost");
                Ok(Outcome::Lost)
            }
            Err(error) => {
                tracing::warn!(suggestion = suggestion.id, %error, "outcome not reported");
                Err(error)
            }
        }
    }

    /// Reports an outcome however long the service is away: it may have cost hours.
    async fn report_patiently(&self, request: &CreateObservationRequest) -> Result<(), Error> {
        let mut backoff = Backoff::new(PATIENCE);
        loop {
            let error = match self.client.call(request.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let delay = backoff
                .delay_after(&error)
                .filter(|_| may_have_arrived(&error) || error.asks_to_wait());
            let Some(delay) = delay else {
                return Err(error);
            };
            tracing::warn!(%error, "outcome not reported, will try again");
            sleep(delay).await;
        }
    }

    /// Reports for somebody who waits for the end.
    async fn report_soon(&self, request: &CreateObservationRequest) -> Result<(), Error> {
        let deadline = Instant::now() + ENDING_TIMEOUT;
        loop {
            let client = self.client.with_timeout(deadline - Instant::now());
            let error = match client.call(request.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let delay = error.retry_after().unwrap_or_default();
            if delay.is_zero() || Instant::now() + delay > deadline {
                return Err(error);
            }
            sleep(delay).await;
        }
    }
}

fn may_have_arrived(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(Code::Unavailable | Code::DeadlineExceeded)
    )
}

fn values<V, E>(result: Result<V, E>) -> Result<Vec<MetricValue>, String>
where
    V: IntoIterator<Item: Into<MetricValue>>,
    E: Display,
{
    let values = result.map_err(|error| error.to_string())?;
    let values: Vec<MetricValue> = values.into_iter().map(Into::into).collect();
    // No number to learn from, as after a divergence.
    for each in &values {
        let (name, value, stddev) = (&each.name, each.value(), each.value_stddev());
        if !value.is_finite() {
            return Err(format!("the value of {name:?} is {value}"));
        }
        if !stddev.is_finite() || stddev < 0.0 {
            return Err(format!("the standard deviation of {name:?} is {stddev}"));
        }
    }
    Ok(values)
}

struct Tally {
    evaluated: usize,
    failures: u32,
    max_failures: u32,
}

impl Tally {
    fn new(max_failures: u32) -> Self {
        Self {
            evaluated: 0,
            failures: 0,
            max_failures,
        }
    }

    fn count(&mut self, outcome: Result<Outcome, Error>) -> Result<(), Error> {
        match outcome? {
            Outcome::Lost | Outcome::GivenBack => return Ok(()),
            Outcome::Observed => self.failures = 0,
            Outcome::Failed(last) => {
                self.failures += 1;
                if self.failures >= self.max_failures {
                    return Err(Error::EvaluationsFailed {
                        count: self.failures,
                        last,
                    });
                }
            }
        }
        self.evaluated += 1;
        Ok(())
    }
}
