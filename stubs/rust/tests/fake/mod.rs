//! A service that plays what a test tells it, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use nextpoint::Client;
use nextpoint::v1::observation_service_server::{ObservationService, ObservationServiceServer};
use nextpoint::v1::stream_suggestions_response::Event;
use nextpoint::v1::suggestion_service_server::{SuggestionService, SuggestionServiceServer};
use nextpoint::v1::*;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::BoxStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// What one stream says, and whether it stays open after that.
pub struct Script {
    pub events: Vec<Result<Event, Status>>,
    pub stays_open: bool,
}

#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub scripts: VecDeque<Script>,
    pub refusals: VecDeque<Status>,
    pub opened: Vec<StreamSuggestionsRequest>,
    /// How many events the streams have sent, ends with an error included.
    pub sent: usize,
    pub reported: Vec<CreateObservationRequest>,
    pub released: Vec<String>,
    pub renewals: usize,
}

impl Fake {
    /// Serves on a port of its own until the test's runtime ends.
    pub async fn serve(self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::builder()
            .add_service(SuggestionServiceServer::new(self.clone()))
            .add_service(
                ObservationServiceServer::new(self).max_decoding_message_size(64 * 1024 * 1024),
            )
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        Client::new(&address).unwrap()
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Lets the next stream say this and end.
    pub fn plays(self, events: impl IntoIterator<Item = Result<Event, Status>>) -> Self {
        self.script(events, false)
    }

    /// Lets the next stream say this and nothing more.
    pub fn hangs_after(self, events: impl IntoIterator<Item = Result<Event, Status>>) -> Self {
        self.script(events, true)
    }

    fn script(
        self,
        events: impl IntoIterator<Item = Result<Event, Status>>,
        stays_open: bool,
    ) -> Self {
        let events = events.into_iter().collect();
        self.with(|state| state.scripts.push_back(Script { events, stays_open }));
        self
    }

    /// Lets the next report be refused.
    pub fn refuses(self, refusal: Status) -> Self {
        self.with(|state| state.refusals.push_back(refusal));
        self
    }
}

pub fn opened() -> Result<Event, Status> {
    opened_with_heartbeat(Duration::from_secs(15))
}

pub fn opened_with_heartbeat(interval: Duration) -> Result<Event, Status> {
    Ok(Event::Opened(StreamOpened {
        heartbeat_interval: interval.try_into().ok(),
        ..Default::default()
    }))
}

pub fn assigned(suggestion_id: &str, attempt: i32) -> Result<Event, Status> {
    Ok(Event::Assigned(SuggestionAssigned {
        suggestion: Some(Suggestion {
            suggestion_id: suggestion_id.to_owned(),
            attempt,
            ..Default::default()
        }),
        ..Default::default()
    }))
}

pub fn closed() -> Result<Event, Status> {
    closed_because(StreamClosedReason::BudgetReached)
}

pub fn closed_because(reason: StreamClosedReason) -> Result<Event, Status> {
    let mut closed = StreamClosed::default();
    closed.set_reason(reason);
    Ok(Event::Closed(closed))
}

pub fn failure(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "nextpoint", []);
    Status::with_error_details(code, "no", details)
}

pub fn overloaded(retry_after: Duration) -> Status {
    let mut details = ErrorDetails::with_error_info("OVERLOADED", "nextpoint", []);
    details.set_retry_info(Some(retry_after));
    Status::with_error_details(Code::ResourceExhausted, "no", details)
}

#[tonic::async_trait]
impl SuggestionService for Fake {
    async fn stream_suggestions(
        &self,
        request: Request<StreamSuggestionsRequest>,
    ) -> Result<Response<BoxStream<StreamSuggestionsResponse>>, Status> {
        let script = self.with(|state| {
            state.opened.push(request.into_inner());
            state.scripts.pop_front()
        });
        let script = script.ok_or_else(|| Status::internal("opened too often"))?;
        let fake = self.clone();
        let events = stream::iter(script.events)
            .inspect(move |_| fake.with(|state| state.sent += 1))
            .map(|event| event.map(|event| StreamSuggestionsResponse { event: Some(event) }));
        Ok(Response::new(if script.stays_open {
            events.chain(stream::pending()).boxed()
        } else {
            events.boxed()
        }))
    }

    async fn create_suggestion(
        &self,
        _: Request<CreateSuggestionRequest>,
    ) -> Result<Response<CreateSuggestionResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn release_suggestion(
        &self,
        request: Request<ReleaseSuggestionRequest>,
    ) -> Result<Response<ReleaseSuggestionResponse>, Status> {
        self.with(|state| state.released.push(request.into_inner().suggestion_id));
        Ok(Response::new(Default::default()))
    }

    async fn renew_leases(
        &self,
        _: Request<RenewLeasesRequest>,
    ) -> Result<Response<RenewLeasesResponse>, Status> {
        self.with(|state| state.renewals += 1);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl ObservationService for Fake {
    async fn create_observation(
        &self,
        request: Request<CreateObservationRequest>,
    ) -> Result<Response<CreateObservationResponse>, Status> {
        self.with(|state| {
            state.reported.push(request.into_inner());
            match state.refusals.pop_front() {
                Some(refusal) => Err(refusal),
                None => Ok(Response::new(Default::default())),
            }
        })
    }
}
