//! How long calls may take and when they are made again: what the clients of all languages share.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use tonic::Code;

/// Returns how long a call may take, over all its attempts, where nobody says otherwise.
pub(crate) fn default_timeout() -> Duration {
    let timeout = method_config("").timeout.as_deref();
    duration(timeout.expect("the contract's file bounds every call"))
}

/// Returns when a call is made again.
pub(crate) fn retry_policy(path: &str) -> &'static RetryPolicy {
    &method_config(path).retry_policy
}

/// Returns for how long a worker waits for a service that never answered.
pub(crate) fn first_patience() -> Duration {
    let stream = "/nextpoint.v1.SuggestionService/StreamSuggestions";
    retry_policy(stream).delays().sum()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryPolicy {
    max_attempts: i32,
    initial_backoff: String,
    max_backoff: String,
    backoff_multiplier: f64,
    retryable_status_codes: Vec<String>,
}

impl RetryPolicy {
    /// Returns the delays between the attempts, before jitter.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> {
        let first = duration(&self.initial_backoff);
        let most = duration(&self.max_backoff);
        (0..self.max_attempts - 1)
            .map(move |retry| first.mul_f64(self.backoff_multiplier.powi(retry)).min(most))
    }

    /// Returns whether a call that failed with this is made again.
    pub(crate) fn covers(&self, code: Code) -> bool {
        let name = format!("{code:?}");
        let codes = &self.retryable_status_codes;
        codes
            .iter()
            .any(|each| each.replace('_', "").eq_ignore_ascii_case(&name))
    }
}

// gRPC's own form. tonic does not read it by itself.
static SERVICE_CONFIG: LazyLock<ServiceConfig> = LazyLock::new(|| {
    let config = serde_json::from_str(include_str!("../protos/service_config.json"));
    config.expect("the file is the contract's")
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceConfig {
    method_config: Vec<MethodConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodConfig {
    name: Vec<Name>,
    timeout: Option<String>,
    retry_policy: RetryPolicy,
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    service: String,
    #[serde(default)]
    method: String,
}

/// Returns the entry that names the method, or else that of every method.
fn method_config(path: &str) -> &'static MethodConfig {
    let (service, method) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or_default();
    let named = |service: &str, method: &str| {
        let mut configs = SERVICE_CONFIG.method_config.iter();
        configs.find(|config| {
            let mut names = config.name.iter();
            names.any(|name| name.service == service && name.method == method)
        })
    };
    let config = named(service, method).or_else(|| named(service, ""));
    let config = config.or_else(|| named("", ""));
    config.expect("the contract's file has an entry for every method")
}

fn duration(text: &str) -> Duration {
    let seconds = text.trim_end_matches('s').parse();
    Duration::from_secs_f64(seconds.expect("a duration such as 0.5s"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Call;
    use crate::v1::{CreateSuggestionRequest, GetExperimentRequest};

    #[test]
    fn a_call_is_tried_five_times_over_about_seven_seconds() {
        for path in [GetExperimentRequest::PATH, CreateSuggestionRequest::PATH] {
            let delays = retry_policy(path).delays();
            let delays: Vec<_> = delays.map(|delay| delay.as_secs_f64()).collect();

            assert_eq!(delays, [0.5, 1.0, 2.0, 4.0]);
        }
        assert_eq!(first_patience().as_secs_f64(), 7.5);
    }

    #[test]
    fn the_policy_says_which_codes_are_tried_again_and_how_delays_grow() {
        let policy = RetryPolicy {
            max_attempts: 4,
            initial_backoff: "1s".into(),
            max_backoff: "5s".into(),
            backoff_multiplier: 3.0,
            retryable_status_codes: vec!["UNAVAILABLE".into(), "RESOURCE_EXHAUSTED".into()],
        };

        assert!(policy.covers(Code::Unavailable));
        assert!(policy.covers(Code::ResourceExhausted));
        assert!(!policy.covers(Code::Aborted));
        let delays: Vec<_> = policy.delays().map(|delay| delay.as_secs()).collect();
        assert_eq!(delays, [1, 3, 5]);
    }

    #[test]
    fn the_most_specific_entry_counts() {
        let timeout = |path| method_config(path).timeout.as_deref();

        assert_eq!(timeout(GetExperimentRequest::PATH), Some("60s"));
        assert_eq!(timeout(CreateSuggestionRequest::PATH), None);
    }
}
