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
    give_up_at: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            delay: FIRST_DELAY,
            patience,
            give_up_at: None,
        }
    }

    /// Returns how long to wait, or None when there was enough of that.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        let now = Instant::now();
        // From the first failure on: what worked before may have worked for days.
        if now > *self.give_up_at.get_or_insert(now + self.patience) {
            return None;
        }
        let delay = self.delay.mul_f64(rand::random());
        self.delay = (self.delay * 2).min(MAX_DELAY);
        Some(delay.max(error.retry_after().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_counts_from_the_first_failure() {
        let error = Error::without_service(tonic::Code::Unavailable, "away");
        let mut backoff = Backoff::new(PATIENCE);

        tokio::time::advance(PATIENCE * 2).await;
        assert!(backoff.delay_after(&error).is_some());
        tokio::time::advance(PATIENCE * 2).await;
        assert!(backoff.delay_after(&error).is_none());
    }
}
