//! How long to wait before trying again, and when to stop trying.

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(10);

/// For how long a worker that worked waits for its service to come back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// For how long a service that never answered is waited for.
pub(crate) const FIRST_PATIENCE: Duration = Duration::from_secs(7);

/// Delays that grow, with jitter, so that workers do not come back all at once.
pub(crate) struct Backoff {
    delay: Duration,
    give_up_at: Instant,
}

impl Backoff {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            delay: FIRST_DELAY,
            give_up_at: Instant::now() + patience,
        }
    }

    /// Returns how long to wait, or None when there was enough of that.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        if Instant::now() > self.give_up_at {
            return None;
        }
        let delay = self.delay.mul_f64(rand::random());
        self.delay = (self.delay * 2).min(MAX_DELAY);
        Some(delay.max(error.retry_after().unwrap_or_default()))
    }
}
