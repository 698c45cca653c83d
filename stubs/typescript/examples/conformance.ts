// The scenario that every language plays: conformance HOST:PORT SCENARIO.json
// It prints the transcript, one JSON object, to standard output.
import { readFile } from "node:fs/promises";

import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";

import { type Client, connect, NextpointError, type Suggestion, toAssignments } from "nextpoint";
import {
  BatchCreateObservationsRequestSchema,
  CreateExperimentRequestSchema,
  type Experiment,
  ExperimentState,
  type MetricValue,
  QueueSuggestionRequestSchema,
  UpdateExperimentRequestSchema,
  UpdateObservationRequestSchema,
} from "nextpoint/v1";

interface Point {
  assignments: Record<string, JsonObject> & { x: { doubleValue: number } };
  values: Record<string, number> | null;
}

interface Scenario {
  experiment: JsonObject;
  refused: JsonObject[];
  points: Point[];
  batch: JsonValue[];
  correction: JsonValue[];
  update: JsonObject;
}

async function play(client: Client, scenario: Scenario) {
  const experiment = await create(client, scenario.experiment);
  const { experimentId } = experiment;
  const created = describe(experiment);
  const refused = [];
  for (const definition of scenario.refused) refused.push(await refusal(client, definition));
  const stream = await evaluate(client, experimentId, scenario.points);
  const batch = await report(client, experimentId, scenario);
  const { experiment: updated } = await client.experiments.updateExperiment(
    fromJson(UpdateExperimentRequestSchema, { experimentId, ...scenario.update }),
  );
  const progress = await progressOf(client, experimentId);
  const { bestAssignments } = await client.analysis.listBestAssignments({ experimentId });
  const { experiment: archived } = await client.experiments.archiveExperiment({ experimentId });
  return {
    created,
    refused,
    stream,
    batch,
    updated: { name: updated?.name, tags: updated?.tags },
    progress,
    best: bestAssignments.map(({ observation }) => ({
      assignments: toAssignments(observation?.assignments ?? {}),
      values: valuesOf(observation?.values ?? []),
    })),
    archived: {
      state: ExperimentState[archived?.state ?? 0]?.toLowerCase(),
      reason: (await errorOf(client.ask(experimentId))).reason,
    },
  };
}

async function create(client: Client, definition: JsonObject): Promise<Experiment> {
  const request = fromJson(CreateExperimentRequestSchema, definition);
  const { experiment } = await client.experiments.createExperiment(request);
  return experiment!;
}

function describe(experiment: Experiment) {
  return {
    name: experiment.name,
    project: experiment.project,
    parameters: experiment.parameters.map(({ name }) => name),
    metrics: experiment.metrics.map(({ name }) => name),
    budget: experiment.budget,
    tags: experiment.tags,
    metadata: Object.fromEntries(
      Object.entries(experiment.metadata).map(([key, { kind }]) => [key, kind.value]),
    ),
    grid: experiment.parameters[2]?.grid,
    state: ExperimentState[experiment.state]?.toLowerCase(),
  };
}

async function refusal(client: Client, definition: JsonObject) {
  const { reason, violations } = await errorOf(create(client, definition));
  return { reason, fields: violations.map(({ field }) => field).sort() };
}

/** Queues the points and evaluates them with two workers, of which one drops its stream once. */
async function evaluate(client: Client, experimentId: string, points: Point[]) {
  for (const { assignments } of points) {
    await client.suggestions.queueSuggestion(
      fromJson(QueueSuggestionRequestSchema, { experimentId, assignments }),
    );
  }
  const values = new Map(points.map((each) => [each.assignments.x.doubleValue, each.values]));
  const evaluated: number[] = [];
  const resumed: boolean[] = [];

  async function outcome(suggestion: Suggestion<{ x: number }>) {
    const { x } = suggestion.assignments;
    const measured = values.get(x);
    await (measured ? suggestion.observe(measured) : suggestion.fail());
    evaluated.push(x);
  }

  async function steady() {
    const options = { workerId: "worker-1" };
    for await (const each of client.stream<{ x: number }>(experimentId, options)) {
      await outcome(each);
    }
  }

  const workerId = "worker-2";
  // Before the other worker begins, which might leave nothing.
  const dropped = await firstHandOut(client, experimentId, workerId);

  async function dropping() {
    for await (const each of client.stream<{ x: number }>(experimentId, { workerId })) {
      if (resumed.length === 0) resumed.push(`${each.id} ${each.attempt}` === dropped);
      await outcome(each);
    }
  }

  await Promise.all([steady(), dropping()]);
  return { evaluated: evaluated.sort((a, b) => a - b), resumed };
}

/** Opens a stream of its own, breaks it off at the first suggestion and keeps the lease. */
async function firstHandOut(client: Client, experimentId: string, workerId: string) {
  const call = new AbortController();
  const request = { experimentId, workerId };
  const events = client.suggestions.streamSuggestions(request, { signal: call.signal });
  for await (const { event } of events) {
    if (event.case !== "assigned") continue;
    call.abort();
    return `${event.value.suggestion?.suggestionId} ${event.value.suggestion?.attempt}`;
  }
  throw new Error("the stream ended without a suggestion");
}

async function report(client: Client, experimentId: string, scenario: Scenario) {
  const request = { experimentId, observations: scenario.batch };
  const { observations } = await client.observations.batchCreateObservations(
    fromJson(BatchCreateObservationsRequestSchema, request),
  );
  const observationId = observations[0]?.observationId ?? "";
  const { observation: corrected } = await client.observations.updateObservation(
    fromJson(UpdateObservationRequestSchema, { observationId, values: scenario.correction }),
  );
  return {
    outside: observations.map(({ outside }) => outside),
    failed: observations.map(({ failed }) => failed),
    stddevs: observations.map(({ values }) => stddevsOf(values)),
    corrected: {
      values: valuesOf(corrected?.values ?? []),
      stddevs: stddevsOf(corrected?.values ?? []),
    },
  };
}

async function progressOf(client: Client, experimentId: string) {
  const { experiment } = await client.experiments.getExperiment({ experimentId });
  const progress = experiment?.progress;
  return {
    observations: progress?.observationCount,
    failed: progress?.failedObservationCount,
    open: progress?.openSuggestionCount,
    remaining: progress?.remainingBudget,
    finished: progress?.finished,
  };
}

function valuesOf(values: MetricValue[]) {
  return Object.fromEntries(values.map(({ name, value }) => [name, value]));
}

/** A value whose noise is not known has no entry. */
function stddevsOf(values: MetricValue[]) {
  return Object.fromEntries(
    values
      .filter(({ valueStddev }) => valueStddev !== undefined)
      .map(({ name, valueStddev }) => [name, valueStddev]),
  );
}

async function errorOf(call: Promise<unknown>): Promise<NextpointError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof NextpointError) return error;
    throw error;
  }
  throw new Error("the call was not refused");
}

const [address, path = ""] = process.argv.slice(2);
const scenario = JSON.parse(await readFile(path, "utf8")) as Scenario;
console.log(JSON.stringify(await play(connect(address), scenario)));
