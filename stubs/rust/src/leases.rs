//! Renews, beside everything else, the leases of what is held without a stream.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::v1::{CreateSuggestionRequest, HandOut, RenewLeasesRequest};
use crate::{Client, Error, Suggestion};

pub(crate) const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// Renews the lease of a suggestion until it is dropped.
#[derive(Debug)]
#[must_use = "the lease is renewed until this is dropped"]
pub struct LeaseKeeper {
    _renewal: AbortOnDropHandle<()>,
}

impl Client {
    /// Asks for one suggestion, and renews its lease until the keeper is dropped.
    ///
    /// A [`Worker`](crate::Worker) needs no keeper: its stream renews.
    pub async fn create_suggestion(
        &self,
        request: CreateSuggestionRequest,
    ) -> Result<(Suggestion, LeaseKeeper), Error> {
        let lease = request.lease_duration;
        let lease = lease.and_then(|lease| lease.try_into().ok());
        let response = self.call(request).await?;
        let suggestion = Suggestion::from(response.suggestion.unwrap_or_default());
        let keeper = self.keep_lease(&suggestion, lease.unwrap_or(DEFAULT_LEASE));
        Ok((suggestion, keeper))
    }

    pub(crate) fn keep_lease(&self, suggestion: &Suggestion, lease: Duration) -> LeaseKeeper {
        let hand_out = HandOut {
            suggestion_id: suggestion.id.clone(),
            attempt: suggestion.attempt,
            ..Default::default()
        };
        let renewal = tokio::spawn(keep(self.with_timeout(lease / 3), hand_out, lease));
        LeaseKeeper {
            _renewal: AbortOnDropHandle::new(renewal),
        }
    }
}

async fn keep(client: Client, hand_out: HandOut, lease: Duration) {
    // At once, so that it is known how long the lease is without comparing clocks.
    loop {
        let request = RenewLeasesRequest {
            hand_outs: vec![hand_out.clone()],
            lease_duration: lease.try_into().ok(),
            ..Default::default()
        };
        let delay = match client.call(request).await {
            Ok(response) if response.lost.is_empty() => lease / 3,
            Ok(_) => {
                // Its outcome is still accepted, so this is nothing to fail on.
                tracing::info!(suggestion = hand_out.suggestion_id, "lease lost");
                return;
            }
            Err(error) => {
                // There is time for more attempts before the lease runs out.
                tracing::debug!(%error, "lease not renewed, will try again");
                lease / 12
            }
        };
        tokio::time::sleep(delay).await;
    }
}
