//! How long to wait before trying again, and when to stop trying.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(10);

/// For how long a worker that worked waits for its service to come back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Delays that grow, with jitter, so that workers do not come back all at once.
pub(crate) struct Backoff {
    delay: Duration,
    patience: Duration,
    failing_since: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            delay: FIRST_DELAY,
            patience,
            failing_since: None,
        }
    }

    /// Returns how long to wait, or None when there was enough of that.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        if error.asks_to_wait() {
            // It is there, as if it had answered.
            self.patience = PATIENCE;
        }
        let now = Instant::now();
        // From the first failure on: what worked before may have worked for days.
        let left = (*self.failing_since.get_or_insert(now) + self.patience)
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())?;
        let delay = self.delay.mul_f64(rand::random());
        self.delay = (self.delay * 2).min(MAX_DELAY);
        Some(delay.max(error.retry_after().unwrap_or_default()).min(left))
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_counts_from_the_first_failure() {
        let error = Error::without_service(Code::Unavailable, "away");
        let mut backoff = Backoff::new(PATIENCE);

        tokio::time::advance(PATIENCE * 2).await;
        assert!(backoff.delay_after(&error).is_some());
        tokio::time::advance(PATIENCE * 2).await;
        assert!(backoff.delay_after(&error).is_none());
    }

    fn overloaded(retry_after: Duration) -> Error {
        let details = ErrorDetails::with_retry_info(Some(retry_after));
        Status::with_error_details(Code::ResourceExhausted, "busy", details).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asks_to_wait_is_waited_for_as_one_that_answered() {
        let retry_after = Duration::from_secs(10);
        let mut backoff = Backoff::new(retry_after / 2);

        let delay = backoff.delay_after(&overloaded(retry_after));
        tokio::time::advance(retry_after).await;
        let away = Error::without_service(Code::Unavailable, "away");

        assert_eq!(delay, Some(retry_after));
        assert!(backoff.delay_after(&away).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_bounds_what_the_service_asks_to_wait() {
        let busy = overloaded(PATIENCE * 2);
        let mut backoff = Backoff::new(PATIENCE);

        assert_eq!(backoff.delay_after(&busy), Some(PATIENCE));
        tokio::time::advance(PATIENCE).await;
        assert!(backoff.delay_after(&busy).is_none());
    }
}
