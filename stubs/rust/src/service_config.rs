//! When calls are made again: what the clients of all languages share.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

/// The delays between the attempts of one call, before jitter. Only UNAVAILABLE is tried again: it is
/// what a restart looks like.
pub(crate) fn retry_delays() -> impl Iterator<Item = Duration> {
    let policy = &*POLICY;
    let (first, most) = (seconds(&policy.initial_backoff), seconds(&policy.max_backoff));
    (0..policy.max_attempts - 1)
        .map(move |retry| first.mul_f64(policy.backoff_multiplier.powi(retry)).min(most))
}

// gRPC's own form. tonic does not read it by itself.
static POLICY: LazyLock<RetryPolicy> = LazyLock::new(|| {
    let config: ServiceConfig = serde_json::from_str(include_str!("../protos/service_config.json"))
        .expect("the file is the contract's");
    let [method] = config.method_config;
    method.retry_policy
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceConfig {
    method_config: [MethodConfig; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodConfig {
    retry_policy: RetryPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryPolicy {
    max_attempts: i32,
    initial_backoff: String,
    max_backoff: String,
    backoff_multiplier: f64,
}

fn seconds(text: &str) -> Duration {
    let number = text.trim_end_matches('s').parse();
    Duration::from_secs_f64(number.expect("a duration such as 0.5s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_tried_five_times_over_about_seven_seconds() {
        let delays: Vec<_> = retry_delays().map(|delay| delay.as_secs_f64()).collect();

        assert_eq!(delays, [0.5, 1.0, 2.0, 4.0]);
    }
}
