//! What the helper promises, against a service that does what each test says.

mod fake;

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use fake::{
    Fake, assigned, closed, closed_because, failure, opened, opened_with_heartbeat, overloaded,
};
use futures_util::StreamExt;
use nextpoint::v1::{
    CreateObservationRequest, CreateSuggestionRequest, StreamClosedReason, StreamSuggestionsRequest,
};
use nextpoint::{
    Assignments, CancellationToken, Client, Error, Finished, Suggestion, Suggestions, Value, Worker,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const LONG: Duration = Duration::from_secs(60);

async fn measure(_: Suggestion) -> Result<[(&'static str, f64); 1], Error> {
    Ok([("m", 1.0)])
}

async fn measure_for_ever(_: Suggestion) -> Result<[(&'static str, f64); 1], Error> {
    pending().await
}

async fn run(client: &Client) -> Result<Finished, Error> {
    let worker = Worker::new(client, "exp").id("worker");
    timeout(LONG, worker.run(measure)).await.unwrap()
}

async fn comes_true(condition: impl Fn() -> bool) {
    let coming = async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, coming).await.unwrap();
}

/// Lets what was sent on the client's connection arrive: what is sent later arrives later.
async fn settle(client: &Client) {
    // By the second answer, whoever waited for what came before the first has run.
    for _ in 0..2 {
        let call = client.call(CreateSuggestionRequest::default());
        call.await.unwrap();
    }
}

/// Waits until the client has seen to so many events of its streams.
async fn received(fake: &Fake, client: &Client, count: usize) {
    comes_true(|| fake.with(|state| state.sent >= count)).await;
    settle(client).await;
}

fn reported(fake: &Fake) -> Vec<(String, bool)> {
    let outcome = |each: &CreateObservationRequest| (each.suggestion_id.clone(), each.failed);
    fake.with(|state| state.reported.iter().map(outcome).collect())
}

#[tokio::test]
async fn a_broken_stream_is_opened_anew_and_nothing_is_evaluated_twice() {
    let fake = Fake::default()
        .plays([opened(), assigned("a", 1), Err(Status::unavailable("away"))])
        .plays([opened(), assigned("a", 1)])
        .plays([opened(), assigned("a", 1), assigned("b", 1), closed()]);
    let client = fake.clone().serve().await;

    let finished = run(&client).await.unwrap();

    assert_eq!(finished.evaluated, 2);
    assert_eq!(finished.reason, Some(StreamClosedReason::BudgetReached));
    let observed = [("a".to_owned(), false), ("b".to_owned(), false)];
    assert_eq!(reported(&fake), observed);
    let workers = fake.with(|state| {
        let opened = state.opened.iter();
        opened
            .map(|each| each.worker_id.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(workers, ["worker"; 3]);
}

/// Runs the worker over two streams, and returns what it asked each for.
async fn asked_for(configure: impl FnOnce(Worker) -> Worker) -> [Option<prost_types::Duration>; 2] {
    let fake = Fake::default()
        .plays([opened(), Err(Status::unavailable("away"))])
        .plays([opened(), closed()]);
    let client = fake.clone().serve().await;
    let worker = configure(Worker::new(&client, "exp"));

    timeout(LONG, worker.run(measure)).await.unwrap().unwrap();

    fake.with(|state| [state.opened[0].max_wait, state.opened[1].max_wait])
}

#[tokio::test]
async fn a_stream_is_asked_each_time_for_what_a_point_is_worth_to_the_worker() {
    for wait in [Duration::ZERO, Duration::from_millis(1_500)] {
        let wanted = Some(wait.try_into().unwrap());
        assert_eq!(asked_for(|worker| worker.max_wait(wait)).await, [wanted; 2]);
    }
}

#[tokio::test]
async fn what_a_point_is_worth_is_left_to_the_service() {
    assert_eq!(asked_for(|worker| worker).await, [None; 2]);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_for_the_service_to_refuse() {
    let [asked, _] = asked_for(|worker| worker.max_wait(Duration::MAX)).await;
    assert_eq!(asked.unwrap().seconds, i64::MAX);
}

#[tokio::test]
async fn silence_for_twice_the_heartbeat_interval_is_a_break() {
    let fake = Fake::default()
        .hangs_after([opened_with_heartbeat(Duration::from_millis(50))])
        .plays([opened(), closed()]);
    let client = fake.clone().serve().await;

    run(&client).await.unwrap();

    assert_eq!(fake.with(|state| state.opened.len()), 2);
}

#[tokio::test]
async fn a_stream_that_an_overloaded_service_refuses_is_opened_when_it_says() {
    let wait = Duration::from_millis(300);
    let fake = Fake::default()
        .plays([Err(overloaded(wait))])
        .plays([opened(), closed()]);
    let client = fake.clone().serve().await;

    let started = Instant::now();
    run(&client).await.unwrap();

    assert!(started.elapsed() >= wait);
}

#[tokio::test]
async fn a_replaced_worker_finishes_what_it_holds_and_does_not_come_back() {
    let fake = replaced();
    let client = fake.clone().serve().await;

    let error = run(&client).await.unwrap_err();

    assert_eq!(error.reason(), Some("WORKER_REPLACED"));
    assert_eq!(fake.with(|state| state.opened.len()), 1);
    assert_eq!(reported(&fake), [("a".to_owned(), false)]);
}

fn replaced() -> Fake {
    let replaced = failure(Code::Aborted, "WORKER_REPLACED");
    Fake::default().plays([opened(), assigned("a", 1), Err(replaced)])
}

#[tokio::test]
async fn a_replaced_stream_that_is_closed_gives_nothing_back() {
    let fake = replaced();
    let client = fake.clone().serve().await;
    let suggestions = Suggestions::open(&client, StreamSuggestionsRequest::default());

    received(&fake, &client, 3).await;
    suggestions.close().await;

    assert!(fake.with(|state| state.released.is_empty()));
}

#[tokio::test]
async fn a_replaced_worker_neither_renews_what_it_evaluates_nor_gives_it_back_when_refused() {
    let fake = replaced().refuses(failure(Code::InvalidArgument, "INVALID_REQUEST"));
    let client = fake.clone().serve().await;
    let slowly = async |suggestion| {
        received(&fake, &client, 3).await;
        // Time for a renewal that should not come.
        sleep(Duration::from_millis(200)).await;
        measure(suggestion).await
    };

    let error = Worker::new(&client, "exp").run(slowly).await.unwrap_err();

    assert_eq!(error.reason(), Some("WORKER_REPLACED"));
    assert!(fake.with(|state| state.renewals == 0 && state.released.is_empty()));
}

#[tokio::test]
async fn a_replaced_worker_that_is_stopped_gives_nothing_back() {
    let fake = replaced();
    let client = fake.clone().serve().await;
    let stop = CancellationToken::new();
    let worker = Worker::new(&client, "exp").stop_on(stop.clone());
    let stopping = async {
        received(&fake, &client, 3).await;
        stop.cancel();
    };

    let (ended, ()) = tokio::join!(worker.run(measure_for_ever), stopping);

    assert_eq!(ended.unwrap_err().reason(), Some("WORKER_REPLACED"));
    assert!(fake.with(|state| state.released.is_empty()));
}

#[tokio::test]
async fn a_suggestion_handed_out_anew_is_not_evaluated_beside_itself() {
    let fake = Fake::default().plays([opened(), assigned("a", 1), assigned("a", 2), closed()]);
    let client = fake.clone().serve().await;
    let slowly = async |suggestion| {
        received(&fake, &client, 4).await;
        measure(suggestion).await
    };

    let finished = Worker::new(&client, "exp").run(slowly).await.unwrap();

    assert_eq!(finished.evaluated, 1);
}

#[tokio::test]
async fn failures_and_what_is_no_number_are_failed_observations() {
    let outcomes = HashMap::from([
        ("error", Err("diverged")),
        ("value", Ok([("m", f64::NAN, 1.0)])),
        ("infinite stddev", Ok([("m", 1.0, f64::INFINITY)])),
        ("stddev", Ok([("m", 1.0, f64::NAN)])),
        ("negative stddev", Ok([("m", 1.0, -0.5)])),
    ]);
    let assigned = outcomes.keys().map(|id| assigned(id, 1));
    let events = std::iter::once(opened()).chain(assigned).chain([closed()]);
    let fake = Fake::default().plays(events);
    let client = fake.clone().serve().await;
    let evaluate = async |suggestion: Suggestion| outcomes[suggestion.id.as_str()];

    let finished = Worker::new(&client, "exp").run(evaluate).await.unwrap();

    assert_eq!(finished.evaluated, outcomes.len());
    assert_eq!(reported(&fake).len(), outcomes.len());
    for (id, failed) in reported(&fake) {
        assert!(failed, "{id}");
    }
}

#[tokio::test]
async fn an_outcome_for_an_archived_experiment_is_lost_and_the_stream_says_why() {
    let archived = StreamClosedReason::ExperimentArchived;
    let fake = Fake::default()
        .plays([opened(), assigned("a", 1), closed_because(archived)])
        .refuses(failure(Code::FailedPrecondition, "EXPERIMENT_ARCHIVED"));
    let client = fake.clone().serve().await;

    let finished = run(&client).await.unwrap();

    assert_eq!((finished.evaluated, finished.reason), (0, Some(archived)));
    assert_eq!(reported(&fake).len(), 1);
    assert!(fake.with(|state| state.released.is_empty()));
}

#[tokio::test]
async fn a_worker_whose_evaluations_keep_failing_gives_up() {
    let events = [opened(), assigned("a", 1), assigned("b", 1)];
    let fake = Fake::default().hangs_after(events);
    let client = fake.clone().serve().await;
    let worker = Worker::new(&client, "exp").max_failures(2);
    let evaluate = async |_| Err::<[(&str, f64); 1], _>("broken");

    let error = timeout(LONG, worker.run(evaluate)).await.unwrap();

    assert!(matches!(
        error,
        Err(Error::EvaluationsFailed { count: 2, .. })
    ));
}

#[tokio::test]
async fn a_report_is_tried_again_as_the_same_change() {
    let fake = Fake::default()
        .plays([opened(), assigned("a", 1), closed()])
        .refuses(failure(Code::Unavailable, "SHUTTING_DOWN"))
        .refuses(failure(Code::DeadlineExceeded, ""))
        .refuses(overloaded(Duration::from_millis(10)));
    let client = fake.clone().serve().await;

    let finished = run(&client).await.unwrap();

    assert_eq!(finished.evaluated, 1);
    fake.with(|state| {
        let ids = state.reported.iter().map(|each| each.request_id.as_str());
        let ids: Vec<&str> = ids.collect();
        assert!(!ids[0].is_empty());
        assert_eq!(ids, [ids[0]; 4]);
    });
}

#[tokio::test]
async fn a_refused_report_ends_the_worker_and_gives_the_suggestion_back() {
    let fake = Fake::default()
        .hangs_after([opened(), assigned("a", 1)])
        .refuses(failure(Code::InvalidArgument, "INVALID_REQUEST"));
    let client = fake.clone().serve().await;

    let error = run(&client).await.unwrap_err();

    assert_eq!(error.code(), Some(Code::InvalidArgument));
    assert_eq!(fake.with(|state| state.released.clone()), ["a"]);
}

#[tokio::test]
async fn stopping_gives_back_what_is_held() {
    let events = [opened(), assigned("a", 1), assigned("b", 1)];
    let fake = Fake::default().hangs_after(events);
    let client = fake.clone().serve().await;
    let stop = CancellationToken::new();
    let worker = Worker::new(&client, "exp").stop_on(stop.clone());
    let stopping = async {
        received(&fake, &client, 3).await;
        stop.cancel();
    };

    let running = async { tokio::join!(worker.run(measure_for_ever), stopping).0 };
    let finished = timeout(LONG, running).await.unwrap().unwrap();

    assert_eq!(finished.evaluated, 0);
    assert_eq!(finished.reason, None);
    let mut released = fake.with(|state| state.released.clone());
    released.sort();
    assert_eq!(released, ["a", "b"]);
}

#[tokio::test]
async fn stopping_reports_what_was_measured_while_the_service_was_away() {
    let away = || failure(Code::Unavailable, "SHUTTING_DOWN");
    let fake = (0..2).fold(Fake::default(), |fake, _| fake.refuses(away()));
    let fake = fake
        .refuses(overloaded(Duration::from_millis(10)))
        .hangs_after([opened(), assigned("a", 1)]);
    let client = fake.clone().serve().await;
    let stop = CancellationToken::new();
    let worker = Worker::new(&client, "exp").stop_on(stop.clone());
    let stopping = async {
        comes_true(|| !reported(&fake).is_empty()).await;
        stop.cancel();
    };

    let running = async { tokio::join!(worker.run(measure), stopping).0 };
    let finished = timeout(LONG, running).await.unwrap().unwrap();

    assert_eq!((finished.evaluated, finished.reason), (1, None));
    fake.with(|state| {
        assert_eq!(state.refusals.len(), 0);
        assert!(state.released.is_empty());
        let first = &state.reported[0].request_id;
        assert!(state.reported.iter().all(|each| each.request_id == *first));
    });
}

#[tokio::test]
async fn stopping_while_the_service_stays_away_ends_soon_with_the_outcome_that_is_lost() {
    let away = || failure(Code::Unavailable, "SHUTTING_DOWN");
    let fake = (0..100).fold(Fake::default(), |fake, _| fake.refuses(away()));
    let fake = fake.hangs_after([opened(), assigned("a", 1)]);
    let client = fake.clone().serve().await;
    let stop = CancellationToken::new();
    let worker = Worker::new(&client, "exp").stop_on(stop.clone());
    let stopping = async {
        comes_true(|| !reported(&fake).is_empty()).await;
        stop.cancel();
        Instant::now()
    };

    let running = async { tokio::join!(worker.run(measure), stopping) };
    let (ended, stopped_at) = timeout(LONG, running).await.unwrap();

    assert!(stopped_at.elapsed() < Duration::from_secs(30));
    let code = ended.unwrap_err().code();
    assert_eq!(code, Some(Code::DeadlineExceeded));
    // Whether it arrived is not known, so it is not another worker's at once.
    assert!(fake.with(|state| state.released.is_empty()));
}

#[tokio::test]
async fn draining_finishes_what_is_held_under_its_lease() {
    let fake = Fake::default().hangs_after([opened(), assigned("a", 1)]);
    let client = fake.clone().serve().await;
    let drain = CancellationToken::new();
    let worker = Worker::new(&client, "exp").drain_on(drain.clone());
    let evaluate = async |suggestion| {
        drain.cancel();
        comes_true(|| fake.with(|state| state.renewals > 0)).await;
        measure(suggestion).await
    };

    let finished = timeout(LONG, worker.run(evaluate)).await.unwrap().unwrap();

    assert_eq!((finished.evaluated, finished.reason), (1, None));
    assert!(fake.with(|state| state.released.is_empty()));
}

#[tokio::test]
async fn closing_a_stream_gives_back_what_was_not_taken() {
    let events = [opened(), assigned("a", 1), assigned("b", 1)];
    let fake = Fake::default().hangs_after(events);
    let client = fake.clone().serve().await;
    let mut suggestions = Suggestions::open(&client, StreamSuggestionsRequest::default());

    let taken = suggestions.next().await.unwrap().unwrap();
    received(&fake, &client, 3).await;
    suggestions.close().await;

    assert_eq!(taken.id, "a");
    assert_eq!(fake.with(|state| state.released.clone()), ["b"]);
}

#[tokio::test]
async fn a_lease_is_renewed_until_its_keeper_is_dropped() {
    let fake = Fake::default();
    let client = fake.clone().serve().await;
    let request = CreateSuggestionRequest {
        lease_duration: Duration::from_secs(1).try_into().ok(),
        ..Default::default()
    };

    let (_, keeper) = client.create_suggestion(request).await.unwrap();
    comes_true(|| fake.with(|state| state.renewals >= 2)).await;
    drop(keeper);
    settle(&client).await;
    let renewals = fake.with(|state| state.renewals);
    sleep(Duration::from_millis(700)).await;

    assert_eq!(fake.with(|state| state.renewals), renewals);
}

#[tokio::test]
async fn an_error_says_what_the_service_said() {
    let details = ErrorDetails::with_error_info(
        "INVALID_REQUEST",
        "nextpoint",
        [("count".to_owned(), "1".to_owned())],
    )
    .add_bad_request_violation("values[0].value", "is required")
    .clone();
    let refusal = Status::with_error_details(Code::InvalidArgument, "refused", details);
    let fake = Fake::default().refuses(refusal);
    let client = fake.serve().await;

    let error = client.call(CreateObservationRequest::default()).await;

    let error = error.unwrap_err();
    let call = error.call().unwrap();
    assert_eq!(error.to_string(), "refused");
    assert_eq!(call.code, Code::InvalidArgument);
    assert_eq!(call.reason.as_deref(), Some("INVALID_REQUEST"));
    assert_eq!(call.metadata["count"], "1");
    assert_eq!(call.violations[0].field, "values[0].value");
    assert_eq!(call.violations[0].description, "is required");
}

#[tokio::test]
async fn a_request_that_is_longer_than_the_service_takes_is_not_sent() {
    let fake = Fake::default();
    let client = fake.clone().serve().await;
    let request = CreateObservationRequest {
        experiment_id: "x".repeat(17 * 1024 * 1024),
        ..Default::default()
    };

    let error = timeout(LONG, client.call(request)).await.unwrap();

    let error = error.unwrap_err();
    assert_eq!(error.code(), Some(Code::ResourceExhausted));
    assert!(reported(&fake).is_empty());
}

#[tokio::test]
async fn a_call_that_takes_too_long_fails_with_deadline_exceeded() {
    // It takes connections and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = Client::new(&address).unwrap();
    let client = client.with_timeout(Duration::from_millis(100));

    let error = client.call(CreateObservationRequest::default()).await;

    assert_eq!(error.unwrap_err().code(), Some(Code::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_what_the_service_config_says_and_what_it_asks_the_service_to_wait() {
    // It takes connections and says nothing, which a channel without pings does not notice.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::from(Endpoint::from_shared(address).unwrap().connect_lazy());
    let asking = CreateSuggestionRequest {
        max_wait: Duration::from_secs(600).try_into().ok(),
        ..Default::default()
    };

    let started = Instant::now();
    let error = client.call(CreateObservationRequest::default()).await;
    let waited = started.elapsed();
    let started = Instant::now();
    let other = client.call(asking).await;
    let waited_longer = started.elapsed();

    assert_eq!(error.unwrap_err().code(), Some(Code::DeadlineExceeded));
    assert_eq!(other.unwrap_err().code(), Some(Code::DeadlineExceeded));
    assert_eq!(waited.as_secs(), 60);
    assert_eq!(waited_longer.as_secs(), 660);
}

#[tokio::test]
async fn an_address_has_a_host_and_a_port() {
    for address in ["", "localhost", ":50051", "localhost:http"] {
        assert!(matches!(Client::new(address), Err(Error::Address(_))));
    }
    assert!(Client::new("[::1]:50051").is_ok());
}

#[test]
fn assignments_say_what_is_wrong_with_what_was_asked_for() {
    let assignments: Assignments = [("x", Value::from(0.5)), ("color", "red".into())]
        .into_iter()
        .collect();

    assert_eq!(assignments.double("x").unwrap(), 0.5);
    assert_eq!(assignments.string("color").unwrap(), "red");
    let missing = assignments.int("n").unwrap_err();
    assert_eq!(missing.to_string(), "there is no parameter \"n\"");
    let wrong = assignments.bool("x").unwrap_err();
    assert_eq!(wrong.to_string(), "parameter \"x\" is a double, not a bool");
}
