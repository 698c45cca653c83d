//! Plays the scenario that every language plays: `conformance HOST:PORT SCENARIO.json`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;

use futures_util::StreamExt;
use nextpoint::v1::{
    ArchiveExperimentRequest, BatchCreateObservationsRequest, CreateExperimentRequest,
    CreateObservationRequest, CreateSuggestionRequest, Experiment, ExperimentState,
    GetExperimentRequest, ListBestAssignmentsRequest, MetricValue, NewObservation, Observation,
    QueueSuggestionRequest, StreamSuggestionsRequest, UpdateExperimentRequest,
    UpdateObservationRequest, metadata_value,
};
use nextpoint::{Assignments, Client, Suggestion, Suggestions, Value, Worker};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value as Json, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path] = arguments.as_slice() else {
        return Err("usage: conformance HOST:PORT SCENARIO.json".into());
    };
    let scenario: Json = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let transcript = play(&Client::new(address)?, &scenario).await?;
    println!("{transcript}");
    Ok(())
}

async fn play(client: &Client, scenario: &Json) -> Result<Json> {
    let definition: CreateExperimentRequest = parsed(&scenario["experiment"])?;
    let created = client.call(definition).await?.experiment;
    let id = created.unwrap_or_default().experiment_id;
    Ok(json!({
        "created": described(experiment(client, &id).await?),
        "refused": refused(client, &scenario["refused"]).await?,
        "stream": streamed(client, &id, &scenario["points"]).await?,
        "batch": batched(client, &id, scenario).await?,
        "updated": updated(client, &id, &scenario["update"]).await?,
        "progress": progressed(experiment(client, &id).await?),
        "best": best(client, &id).await?,
        "archived": archived(client, &id).await?,
    }))
}

/// Reads a message from its JSON, as protobuf defines it.
fn parsed<M: Message + Name + Default>(json: &Json) -> Result<M> {
    let pool = DescriptorPool::decode(nextpoint::v1::FILE_DESCRIPTOR_SET)?;
    let descriptor = pool.get_message_by_name(&M::full_name());
    let descriptor = descriptor.ok_or("no such message in the contract")?;
    Ok(DynamicMessage::deserialize(descriptor, json)?.transcode_to()?)
}

async fn experiment(client: &Client, id: &str) -> Result<Experiment> {
    let request = GetExperimentRequest {
        experiment_id: id.to_owned(),
        ..Default::default()
    };
    Ok(client.call(request).await?.experiment.unwrap_or_default())
}

fn described(experiment: Experiment) -> Json {
    let metadata = experiment.metadata.iter().map(|(key, value)| {
        let value = match &value.kind {
            Some(metadata_value::Kind::NumberValue(number)) => json!(number),
            Some(metadata_value::Kind::StringValue(text)) => json!(text),
            None => json!(""),
        };
        (key.clone(), value)
    });
    json!({
        "name": experiment.name,
        "project": experiment.project,
        "parameters": experiment.parameters.iter().map(|each| &each.name).collect::<Vec<_>>(),
        "metrics": experiment.metrics.iter().map(|each| &each.name).collect::<Vec<_>>(),
        "budget": experiment.budget,
        "tags": experiment.tags,
        "metadata": metadata.collect::<serde_json::Map<_, _>>(),
        "grid": experiment.parameters[2].grid,
        "state": state(&experiment),
    })
}

fn state(experiment: &Experiment) -> &'static str {
    match experiment.state() {
        ExperimentState::Active => "active",
        ExperimentState::Archived => "archived",
        ExperimentState::Unspecified => "unknown",
    }
}

async fn refused(client: &Client, definitions: &Json) -> Result<Vec<Json>> {
    let mut refusals = Vec::new();
    for definition in definitions.as_array().into_iter().flatten() {
        let definition: CreateExperimentRequest = parsed(definition)?;
        let Err(error) = client.call(definition).await else {
            return Err("the definition was accepted".into());
        };
        let mut fields: Vec<&str> = error
            .violations()
            .iter()
            .map(|each| each.field.as_str())
            .collect();
        fields.sort_unstable();
        refusals.push(json!({"reason": error.reason(), "fields": fields}));
    }
    Ok(refusals)
}

type Values = Option<BTreeMap<String, f64>>;

/// Queues the points and evaluates them with two workers, of which one drops its stream once.
async fn streamed(client: &Client, id: &str, points: &Json) -> Result<Json> {
    let mut measured: Vec<(f64, Values)> = Vec::new();
    for point in points.as_array().into_iter().flatten() {
        let assignments = json!({"assignments": point["assignments"]});
        let mut request: QueueSuggestionRequest = parsed(&assignments)?;
        request.experiment_id = id.to_owned();
        let x = Assignments::from(request.assignments.clone()).double("x")?;
        measured.push((x, serde_json::from_value(point["values"].clone())?));
        client.call(request).await?;
    }

    let evaluated = RefCell::new(Vec::new());
    let evaluate = async |suggestion: &Suggestion| -> Result<BTreeMap<String, f64>> {
        let x = suggestion.assignments.double("x")?;
        evaluated.borrow_mut().push(x);
        let values = measured.iter().find(|point| point.0 == x);
        let values = values.and_then(|point| point.1.clone());
        values.ok_or_else(|| "the point fails".into())
    };

    let open = || {
        let request = StreamSuggestionsRequest {
            experiment_id: id.to_owned(),
            worker_id: "worker-2".to_owned(),
            ..Default::default()
        };
        Suggestions::open(client, request)
    };
    // Before the other worker begins, which might leave nothing.
    let first = open().next().await.ok_or("nothing was handed out")??;

    let steady = Worker::new(client, id).id("worker-1");
    let steady = steady.run(async |suggestion| evaluate(&suggestion).await);
    let dropping = async {
        let mut resumed = Vec::new();
        let mut suggestions = open();
        while let Some(suggestion) = suggestions.next().await.transpose()? {
            if resumed.is_empty() {
                resumed.push((&suggestion.id, suggestion.attempt) == (&first.id, first.attempt));
            }
            report(client, &suggestion, evaluate(&suggestion).await.ok()).await?;
        }
        Result::Ok(resumed)
    };
    let (steady, resumed) = tokio::join!(steady, dropping);
    steady?;
    let resumed = resumed?;
    let mut evaluated = evaluated.into_inner();
    evaluated.sort_by(f64::total_cmp);
    Ok(json!({"evaluated": evaluated, "resumed": resumed}))
}

async fn report(client: &Client, suggestion: &Suggestion, values: Values) -> Result<()> {
    let request = CreateObservationRequest {
        experiment_id: suggestion.experiment_id.clone(),
        suggestion_id: suggestion.id.clone(),
        failed: values.is_none(),
        values: values
            .into_iter()
            .flatten()
            .map(MetricValue::from)
            .collect(),
        ..Default::default()
    };
    client.call(request).await?;
    Ok(())
}

async fn batched(client: &Client, id: &str, scenario: &Json) -> Result<Json> {
    let outcomes = scenario["batch"].as_array().into_iter().flatten();
    let request = BatchCreateObservationsRequest {
        experiment_id: id.to_owned(),
        observations: outcomes
            .map(parsed)
            .collect::<Result<Vec<NewObservation>>>()?,
        ..Default::default()
    };
    let observations = client.call(request).await?.observations;
    let mut correction: UpdateObservationRequest =
        parsed(&json!({"values": scenario["correction"]}))?;
    correction.observation_id = observations[0].observation_id.clone();
    let corrected = client
        .call(correction)
        .await?
        .observation
        .unwrap_or_default();
    Ok(json!({
        "outside": observations.iter().map(|each| each.outside).collect::<Vec<_>>(),
        "failed": observations.iter().map(|each| each.failed).collect::<Vec<_>>(),
        "stddevs": observations.iter().map(stddevs).collect::<Vec<_>>(),
        "corrected": {"values": values(&corrected), "stddevs": stddevs(&corrected)},
    }))
}

fn values(observation: &Observation) -> BTreeMap<&str, f64> {
    let values = observation.values.iter();
    values
        .map(|each| (each.name.as_str(), each.value()))
        .collect()
}

fn stddevs(observation: &Observation) -> BTreeMap<&str, f64> {
    let values = observation.values.iter();
    values
        .filter_map(|each| Some((each.name.as_str(), each.value_stddev?)))
        .collect()
}

async fn updated(client: &Client, id: &str, update: &Json) -> Result<Json> {
    let mut request: UpdateExperimentRequest = parsed(update)?;
    request.experiment_id = id.to_owned();
    let experiment = client.call(request).await?.experiment.unwrap_or_default();
    Ok(json!({"name": experiment.name, "tags": experiment.tags}))
}

fn progressed(experiment: Experiment) -> Json {
    let progress = experiment.progress.unwrap_or_default();
    json!({
        "observations": progress.observation_count,
        "failed": progress.failed_observation_count,
        "open": progress.open_suggestion_count,
        "remaining": progress.remaining_budget,
        "finished": progress.finished,
    })
}

async fn best(client: &Client, id: &str) -> Result<Vec<Json>> {
    let request = ListBestAssignmentsRequest {
        experiment_id: id.to_owned(),
        ..Default::default()
    };
    let best = client.call(request).await?.best_assignments;
    let observations = best.into_iter().filter_map(|each| each.observation);
    let described = observations.map(|observation| {
        let assignments = Assignments::from(observation.assignments.clone());
        let assignments = assignments
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)));
        json!({
            "assignments": assignments.collect::<serde_json::Map<_, _>>(),
            "values": values(&observation),
        })
    });
    Ok(described.collect())
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Double(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Bool(value) => json!(value),
        _ => Json::Null,
    }
}

async fn archived(client: &Client, id: &str) -> Result<Json> {
    let request = ArchiveExperimentRequest {
        experiment_id: id.to_owned(),
        ..Default::default()
    };
    let experiment = client.call(request).await?.experiment.unwrap_or_default();
    let ask = CreateSuggestionRequest {
        experiment_id: id.to_owned(),
        ..Default::default()
    };
    let Err(error) = client.create_suggestion(ask).await else {
        return Err("an archived experiment handed out a suggestion".into());
    };
    Ok(json!({"state": state(&experiment), "reason": error.reason()}))
}
