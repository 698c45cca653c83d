//! One connection to a service, and what every call on it has in common.

use std::time::Duration;

use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::v1::suggestion_service_client::SuggestionServiceClient;
use crate::v1::{ReleaseSuggestionRequest, StreamSuggestionsRequest, StreamSuggestionsResponse};
use crate::{Error, Suggestion, service_config};

/// How long a call may take for which somebody waits who wants to end.
pub(crate) const ENDING_TIMEOUT: Duration = Duration::from_secs(5);

// As much as the service takes. A batch of 2500 observations of 100 parameters fits.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Longer than any service waits.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request of a unary call of the contract. Every one implements it.
pub trait Call: Message + Clone + 'static {
    /// What the call answers with.
    type Response: Message + Default + 'static;

    /// The path of the call.
    const PATH: &'static str;

    /// Returns the id of the change that the request makes. None where it changes nothing.
    fn request_id(&mut self) -> Option<&mut String> {
        None
    }

    /// Returns how long the request asks the service to wait. None where it cannot.
    fn max_wait(&self) -> Option<prost_types::Duration> {
        None
    }
}

/// A connection to a service, made when it is first needed. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    timeout: Duration,
}

impl Client {
    /// Returns a client of the service at `HOST:PORT`, in plain text.
    ///
    /// For TLS and other settings make a [`Channel`] and take `Client::from(channel)`.
    ///
    /// # Panics
    ///
    /// When called outside a tokio runtime.
    pub fn new(address: &str) -> Result<Self, Error> {
        let invalid = || Error::Address(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(invalid());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|_| invalid())?
            // A connection that died without a word is noticed, and replaced.
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(15));
        Ok(endpoint.connect_lazy().into())
    }

    /// Returns a client on the same connection whose calls may take this long instead of 60 seconds.
    ///
    /// What a request asks the service to wait, its `max_wait`, comes on top of either.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Makes a call of the contract, which its request names.
    ///
    /// A change gets its request id here, once, unless it has one: it is made once, however often
    /// the call is tried. It is tried up to five times, over about seven seconds, while the service
    /// is unavailable.
    pub async fn call<C: Call>(&self, mut request: C) -> Result<C::Response, Error> {
        if let Some(request_id) = request.request_id()
            && request_id.is_empty()
        {
            *request_id = new_id();
        }
        // tonic's own limit breaks the call off, which looks like a service that is away.
        let length = request.encoded_len();
        if length > MAX_MESSAGE_BYTES {
            let message = format!("the request has {length} bytes, above {MAX_MESSAGE_BYTES}");
            return Err(Error::without_service(Code::ResourceExhausted, message));
        }
        let max_wait: Option<Duration> = request.max_wait().and_then(|wait| wait.try_into().ok());
        // What is no such time is refused at once.
        let timeout = self.timeout + max_wait.unwrap_or_default().min(LONGEST_WAIT);
        tokio::time::timeout(timeout, self.call_with_retries(request))
            .await
            .unwrap_or_else(|_| {
                let message = format!("no answer within {timeout:?}");
                Err(Error::without_service(Code::DeadlineExceeded, message))
            })
    }

    async fn call_with_retries<C: Call>(&self, request: C) -> Result<C::Response, Error> {
        let policy = service_config::retry_policy(C::PATH);
        let mut delays = policy.delays();
        loop {
            let error = match self.call_once(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(status) => Error::from(status),
            };
            let Some(delay) = delays
                .next()
                .filter(|_| error.code().is_some_and(|code| policy.covers(code)))
            else {
                return Err(error);
            };
            let delay = delay.mul_f64(rand::random_range(0.8..1.2));
            tokio::time::sleep(delay.max(error.retry_after().unwrap_or_default())).await;
        }
    }

    async fn call_once<C: Call>(&self, request: C) -> Result<C::Response, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))?;
        let path = PathAndQuery::from_static(C::PATH);
        let codec = ProstCodec::<C, C::Response>::default();
        let response = grpc.unary(Request::new(request), path, codec).await?;
        Ok(response.into_inner())
    }

    pub(crate) async fn stream(
        &self,
        request: StreamSuggestionsRequest,
    ) -> Result<Streaming<StreamSuggestionsResponse>, Error> {
        let mut service = SuggestionServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(service.stream_suggestions(request).await?.into_inner())
    }

    /// Gives a suggestion back without an outcome: the next worker gets it.
    ///
    /// Fails with reason `LEASE_LOST` when it is not held under this attempt any more.
    pub async fn release(&self, suggestion: &Suggestion) -> Result<(), Error> {
        let request = ReleaseSuggestionRequest {
            suggestion_id: suggestion.id.clone(),
            attempt: suggestion.attempt,
            ..Default::default()
        };
        self.call(request).await.map(drop)
    }

    /// Gives a suggestion back where that is possible, soon: whoever waits wants to end.
    pub(crate) async fn give_back(&self, suggestion: &Suggestion) {
        let client = self.with_timeout(ENDING_TIMEOUT);
        // One whose lease is lost is another worker's already, and every other lease runs out.
        if let Err(error) = client.release(suggestion).await {
            tracing::debug!(suggestion = suggestion.id, %error, "not given back");
        }
    }
}

impl From<Channel> for Client {
    fn from(channel: Channel) -> Self {
        Self {
            channel,
            timeout: service_config::default_timeout(),
        }
    }
}

/// Returns an id that nobody else makes up.
pub(crate) fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
