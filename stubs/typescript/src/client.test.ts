import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError, type Interceptor, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
import {
  Code,
  connect,
  fromAssignments,
  NextpointError,
  toAssignments,
  type Values,
} from "./index.js";
import { Retries, WORKER_POLICY } from "./retry.js";
import { callPolicy } from "./service_config.js";
import {
  type CreateObservationRequest,
  type CreateSuggestionRequest,
  CreateSuggestionRequestSchema,
  ExperimentService,
  ObservationService,
  ParameterSchema,
  ParameterType,
  type ReleaseSuggestionRequest,
  StreamClosedReason,
  type StreamSuggestionsRequest,
  type StreamSuggestionsResponseSchema,
  SuggestionService,
} from "./v1.js";

type StreamEvent = MessageInitShape<typeof StreamSuggestionsResponseSchema>;
type Play = (signal: AbortSignal, request: StreamSuggestionsRequest) => AsyncIterable<StreamEvent>;

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** A service that plays one script for each stream that is opened, and keeps what it is told. */
async function serve({
  streams = [],
  ...methods
}: {
  streams?: Play[];
  experiments?: Partial<ServiceImpl<typeof ExperimentService>>;
  suggestions?: Partial<ServiceImpl<typeof SuggestionService>>;
  observations?: Partial<ServiceImpl<typeof ObservationService>>;
}) {
  const opened: StreamSuggestionsRequest[] = [];
  const released: ReleaseSuggestionRequest[] = [];
  const observed: CreateObservationRequest[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const handler = connectNodeAdapter({
    routes: (router) =>
      router
        .service(ExperimentService, { ...methods.experiments })
        .service(SuggestionService, {
          streamSuggestions(request, { signal }) {
            const play = streams[opened.push(request) - 1];
            return play ? play(signal, request) : refuse(Code.Internal, "UNEXPECTED_STREAM");
          },
          releaseSuggestion(request) {
            released.push(request);
            return {};
          },
          ...methods.suggestions,
        })
        .service(ObservationService, {
          createObservation(request) {
            observed.push(request);
            return { observation: {} };
          },
          ...methods.observations,
        }),
  });
  const server = createServer(handler);
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakOff = () => sessions.forEach((session) => session.destroy());
  closers.push(() => {
    breakOff();
    server.close();
  });
  let received = 0;
  const client = connect(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
    interceptors: [telling(() => (received += 1))],
  });
  /** Waits until the client has seen to so many events of its streams, their ends included. */
  const hasReceived = (count: number) => comesTrue(() => received >= count);
  return { client, opened, released, observed, breakOff, hasReceived };
}

/** Tells of every event that was received on a stream and seen to, and of the end. */
function telling(tell: () => void): Interceptor {
  return (next) => async (request) => {
    const response = await next(request);
    if (!response.stream) return response;
    const { message: events } = response;
    const message = (async function* () {
      try {
        for await (const event of events) {
          yield event;
          tell();
        }
      } finally {
        tell();
      }
    })();
    return { ...response, message };
  };
}

async function comesTrue(condition: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < end, "it did not come true within a minute");
    await sleep(5);
  }
}

function opened(heartbeatMs = 15_000): StreamEvent {
  const value = { heartbeatInterval: durationFromMs(heartbeatMs) };
  return { event: { case: "opened", value } };
}

function assigned(suggestionId: string, attempt = 1): StreamEvent {
  const suggestion = { suggestionId, attempt, experimentId: "exp" };
  return { event: { case: "assigned", value: { suggestion } } };
}

const CLOSED: StreamEvent = {
  event: { case: "closed", value: { reason: StreamClosedReason.BUDGET_REACHED } },
};

function refuse<D extends DescMessage>(
  code: Code,
  reason: string,
  ...details: { desc: D; value: MessageInitShape<D> }[]
): never {
  const value = { reason, domain: "nextpoint", metadata: { name: "x" } };
  const info = { desc: ErrorInfoSchema, value };
  throw new ConnectError("refused", code, undefined, [info, ...details]);
}

const OVERLOADED = {
  desc: RetryInfoSchema,
  value: { retryDelay: durationFromMs(150) },
};

function silence(signal: AbortSignal): Promise<unknown> {
  return once(signal, "abort");
}

test("a broken stream is opened anew and what was seen is not evaluated again", async () => {
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        yield assigned("sug_1");
        await sleep(20);
        service.breakOff();
        await sleep(1_000);
      },
      async function* () {
        yield opened();
        yield assigned("sug_1");
        yield { event: { case: undefined } };
        yield assigned("sug_2");
        yield CLOSED;
      },
    ],
  });
  const evaluated: string[] = [];
  const result = await service.client.work("exp", async (_, { suggestion }) => {
    evaluated.push(suggestion.id);
    await sleep(50);
    return { m: 1 };
  });
  assert.deepEqual(evaluated, ["sug_1", "sug_2"]);
  assert.deepEqual(result, { evaluated: 2, closedReason: StreamClosedReason.BUDGET_REACHED });
  assert.equal(service.opened.length, 2);
  assert.equal(service.opened[0]?.workerId, service.opened[1]?.workerId);
});

test("a stream that ends without saying why is opened anew, and each break is told once", async () => {
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
      },
      () => refuse(Code.Unavailable, "SHUTTING_DOWN"),
      async function* () {
        yield opened();
        yield CLOSED;
      },
    ],
  });
  const warnings: string[] = [];
  const { closedReason } = await service.client.work("exp", () => ({ m: 1 }), {
    onWarning: (message) => warnings.push(message),
  });
  assert.equal(closedReason, StreamClosedReason.BUDGET_REACHED);
  assert.equal(service.opened.length, 3);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /the stream ended without saying why/);
});

test("a stream is opened when the service, overloaded at first, has time", async (t) => {
  t.mock.method(console, "warn", () => {});
  const started = performance.now();
  const overloaded = () => refuse(Code.ResourceExhausted, "OVERLOADED", OVERLOADED);
  const service = await serve({
    streams: [
      // More often than a service that is not there is looked for.
      ...Array<Play>(5).fill(overloaded),
      async function* () {
        yield opened();
        yield CLOSED;
      },
    ],
  });
  const { done } = await service.client.stream("exp").next();
  assert.equal(done, true);
  assert.equal(service.opened.length, 6);
  assert.ok(performance.now() - started >= 5 * 150);
});

test(
  "an address that accepts and never answers is given up after one silence",
  { timeout: 10_000 },
  async (t) => {
    const server = createTcpServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const now = performance.now.bind(performance);
    let laterMs = 0;
    t.mock.method(performance, "now", () => now() + laterMs);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const accepted = once(server, "connection");
    const { port } = server.address() as AddressInfo;
    const first = connect(`127.0.0.1:${port}`).stream("exp").next();
    const [socket] = await accepted;
    closers.push(() => {
      socket.destroy();
      server.close();
    });
    laterMs = 30_000;
    t.mock.timers.tick(laterMs);
    await assert.rejects(first, { code: Code.Unavailable });
  },
);

test("twice the heartbeat interval of silence is a broken stream", async () => {
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened(25);
        await silence(signal);
      },
      async function* () {
        yield opened();
        yield CLOSED;
      },
    ],
  });
  const { evaluated } = await service.client.work("exp", () => ({ m: 1 }));
  assert.equal(evaluated, 0);
  assert.equal(service.opened.length, 2);
});

test("a replaced worker ends with the error and keeps its hands off what the other holds", async () => {
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        yield assigned("sug_1");
        await service.hasReceived(2);
        refuse(Code.Aborted, "WORKER_REPLACED");
      },
    ],
  });
  const stream = service.client.stream("exp");
  await stream.next();
  await assert.rejects(stream.next(), { reason: "WORKER_REPLACED", code: Code.Aborted });
  await stream.return();
  assert.equal(service.opened.length, 1);
  assert.deepEqual(service.released, []);
});

test("a replaced worker that is stopped gives nothing back", async () => {
  const stop = new AbortController();
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        yield assigned("sug_1");
        await service.hasReceived(2);
        refuse(Code.Aborted, "WORKER_REPLACED");
      },
    ],
  });
  const evaluate = async () => {
    await service.hasReceived(3);
    stop.abort();
    return { m: 1 };
  };
  await assert.rejects(service.client.work("exp", evaluate, { signal: stop.signal }));
  assert.deepEqual(service.released, []);
});

test("an error of the service's own is no broken stream", async () => {
  const service = await serve({ streams: [() => refuse(Code.Internal, "INTERNAL")] });
  await assert.rejects(service.client.stream("exp").next(), { reason: "INTERNAL" });
  assert.equal(service.opened.length, 1);
});

test("what a function throws, or cannot be learned from, is a failed observation", async () => {
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        for (const id of ["sug_1", "sug_2", "sug_3", "sug_4", "sug_5"]) yield assigned(id);
        yield CLOSED;
      },
    ],
  });
  const unusable: Record<string, Values> = {
    sug_2: { m: NaN },
    sug_3: { m: { value: 1, stddev: -1 } },
    sug_4: { m: { value: 1, stddev: Infinity } },
    // As a program without types may.
    sug_5: { m: undefined! },
  };
  const failures: string[] = [];
  const { evaluated } = await service.client.work(
    "exp",
    (_, { suggestion }) => {
      if (suggestion.id === "sug_1") throw new Error("diverged");
      return unusable[suggestion.id]!;
    },
    { onFailure: (error, id) => failures.push(`${id}: ${(error as Error).message}`) },
  );
  assert.equal(evaluated, 5);
  assert.deepEqual(failures, [
    "sug_1: diverged",
    "sug_2: the value of 'm' is NaN",
    "sug_3: the standard deviation of 'm' is -1",
    "sug_4: the standard deviation of 'm' is Infinity",
    "sug_5: the value of 'm' is undefined",
  ]);
  for (const { failed, values } of service.observed) {
    assert.equal(failed, true);
    assert.equal(values.length, 0);
  }
});

test("an outcome that comes after the archive is lost, and the worker ends as the stream says", async () => {
  const reason = StreamClosedReason.EXPERIMENT_ARCHIVED;
  const refused = new AbortController();
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        yield assigned("sug_1");
        await silence(refused.signal);
        yield { event: { case: "closed", value: { reason } } };
      },
    ],
    observations: {
      createObservation() {
        refused.abort();
        return refuse(Code.FailedPrecondition, "EXPERIMENT_ARCHIVED");
      },
    },
  });
  const warnings: string[] = [];
  const { closedReason } = await service.client.work("exp", () => ({ m: 1 }), {
    onWarning: (message) => warnings.push(message),
  });
  assert.equal(closedReason, reason);
  assert.deepEqual(warnings, ["the outcome of sug_1 is lost: refused"]);
});

test("a worker whose counts are none is refused", async () => {
  const { client } = await serve({});
  for (const count of [0, -1, 1.5, NaN]) {
    for (const options of [{ concurrency: count }, { maxConsecutiveFailures: count }]) {
      await assert.rejects(
        client.work("exp", () => ({ m: 1 }), options),
        RangeError,
      );
    }
  }
});

/** Returns what a worker asks for over a break, and then `ask`, in milliseconds. */
async function waitsAskedFor(options: { maxWaitMs?: number }) {
  const asked: CreateSuggestionRequest[] = [];
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        refuse(Code.Unavailable, "SHUTTING_DOWN");
      },
      async function* () {
        yield opened();
        yield CLOSED;
      },
    ],
    suggestions: {
      createSuggestion(request) {
        asked.push(request);
        return { suggestion: {} };
      },
    },
  });
  await service.client.work("exp", () => ({ m: 1 }), { ...options, onWarning: () => {} });
  await (await service.client.ask("exp", options)).giveBack();
  return [...service.opened, ...asked].map(({ maxWait }) => maxWait && durationMs(maxWait));
}

test("what a point is worth waiting for is asked for each time", async () => {
  for (const [maxWaitMs, wanted] of [
    [0, 0],
    [0.4, 1],
    [1_500, 1_500],
  ]) {
    assert.deepEqual(await waitsAskedFor({ maxWaitMs }), Array(3).fill(wanted));
  }
});

test("who does not say what a point is worth leaves it to the service", async () => {
  assert.deepEqual(await waitsAskedFor({}), Array(3).fill(undefined));
});

test("a wait that cannot be asked for is refused", async () => {
  const { client } = await serve({});
  for (const maxWaitMs of [-1, NaN, Infinity, 1e300, null as unknown as number]) {
    const refused = { name: "RangeError", message: /maxWaitMs must be a number of milliseconds/ };
    await assert.rejects(
      client.work("exp", () => ({ m: 1 }), { maxWaitMs }),
      refused,
    );
    await assert.rejects(client.ask("exp", { maxWaitMs }), refused);
    assert.throws(() => client.stream("exp", { maxWaitMs }), refused);
  }
});

test("a worker gives up when every evaluation fails", async () => {
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        yield assigned("sug_2");
        await silence(signal);
      },
    ],
  });
  const worker = service.client.work("exp", () => Promise.reject(new Error("no license")), {
    maxConsecutiveFailures: 2,
    onFailure: () => {},
  });
  await assert.rejects(worker, /2 evaluations in a row failed/);
});

test("a stopped worker gives back at once what it holds", async () => {
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        yield assigned("sug_2", 3);
        // The lease was lost over a long break, and came back to the same worker.
        yield assigned("sug_1", 2);
        await silence(signal);
      },
    ],
  });
  const stop = new AbortController();
  let told: AbortSignal | undefined;
  const worker = service.client.work(
    "exp",
    async (_, { signal }) => {
      told = signal;
      await service.hasReceived(4);
      stop.abort(new Error("enough"));
      return new Promise(() => {});
    },
    { signal: stop.signal },
  );
  await assert.rejects(worker, /enough/);
  assert.equal(told?.aborted, true);
  assert.deepEqual(
    service.released.map(({ suggestionId, attempt }) => `${suggestionId} ${attempt}`).sort(),
    ["sug_1 2", "sug_2 3"],
  );
  assert.deepEqual(service.observed, []);
});

test("a stopped worker still reports what was measured while the service was away", async () => {
  const stop = new AbortController();
  const requestIds: string[] = [];
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        await silence(signal);
      },
    ],
    observations: {
      createObservation({ requestId }) {
        requestIds.push(requestId);
        stop.abort(new Error("enough"));
        if (requestIds.length <= 2) refuse(Code.Unavailable, "SHUTTING_DOWN");
        return { observation: {} };
      },
    },
  });
  const options = { concurrency: 2, signal: stop.signal };
  await assert.rejects(
    service.client.work("exp", () => ({ m: 1 }), options),
    /enough/,
  );
  assert.deepEqual(requestIds, Array(3).fill(requestIds[0]));
  assert.deepEqual(service.released, []);
});

test("a stopped worker ends soon, and says which outcome is lost", async () => {
  const stop = new AbortController();
  let stoppedAt = 0;
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        await silence(signal);
      },
    ],
    observations: {
      createObservation() {
        stoppedAt ||= performance.now();
        stop.abort(new Error("enough"));
        refuse(Code.Unavailable, "SHUTTING_DOWN");
      },
    },
  });
  const worker = service.client.work("exp", () => ({ m: 1 }), { signal: stop.signal });
  // Of the service, or of a last attempt that there was no time for.
  await assert.rejects(worker, NextpointError);
  const tookMs = performance.now() - stoppedAt;
  assert.ok(4_500 < tookMs && tookMs < 30_000);
  // Whether it arrived is not known, so it is not another worker's at once.
  assert.deepEqual(service.released, []);
});

test("a drained worker reports what it evaluates and takes nothing more", async () => {
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        yield assigned("sug_2");
        await silence(signal);
      },
    ],
  });
  const drain = new AbortController();
  const evaluate = async () => {
    await service.hasReceived(3);
    drain.abort();
    return { m: 1 };
  };
  const result = await service.client.work("exp", evaluate, { drain: drain.signal });
  assert.deepEqual(result, { evaluated: 1, closedReason: undefined });
  assert.deepEqual(
    service.observed.map(({ suggestionId }) => suggestionId),
    ["sug_1"],
  );
  assert.deepEqual(
    service.released.map(({ suggestionId }) => suggestionId),
    ["sug_2"],
  );
});

test("leaving a loop early gives back what was not reported", async () => {
  const service = await serve({
    streams: [
      async function* (signal) {
        yield opened();
        yield assigned("sug_1");
        await silence(signal);
      },
    ],
  });
  for await (const suggestion of service.client.stream("exp")) {
    assert.equal(suggestion.id, "sug_1");
    break;
  }
  assert.deepEqual(
    service.released.map(({ suggestionId }) => suggestionId),
    ["sug_1"],
  );
});

test("an outcome keeps its request id over attempts", async () => {
  const requestIds: string[] = [];
  const service = await serve({
    streams: [
      async function* () {
        yield opened();
        yield assigned("sug_1");
        yield CLOSED;
      },
    ],
    observations: {
      createObservation({ requestId }) {
        const attempt = requestIds.push(requestId);
        if (attempt === 1) refuse(Code.Unavailable, "SHUTTING_DOWN");
        if (attempt <= 3) refuse(Code.ResourceExhausted, "OVERLOADED", OVERLOADED);
        return { observation: {} };
      },
    },
  });
  const warnings: string[] = [];
  await service.client.work("exp", () => ({ m: { value: 1, stddev: 0 } }), {
    onWarning: (message) => warnings.push(message),
  });
  assert.equal(requestIds.length, 4);
  assert.ok(requestIds[0]);
  assert.equal(new Set(requestIds).size, 1);
  assert.deepEqual(warnings, ["the outcome of sug_1 is not reported, trying again: refused"]);
});

test("a service that asks to wait for longer than patience lasts is tried once more", async () => {
  const policy = { ...WORKER_POLICY, firstDelayMs: 1, patienceMs: 100 };
  const retries = new Retries(policy);
  // Else patience would start here.
  retries.restart(policy);
  const retry = { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(3_600_000) } };
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
    refuse(Code.ResourceExhausted, "OVERLOADED", retry);
  };
  await assert.rejects(retries.run(attempt), { reason: "OVERLOADED" });
  assert.equal(attempts, 2);
});

test("patience starts with the break, however long the stream worked before", async () => {
  const policy = { ...WORKER_POLICY, firstDelayMs: 1, patienceMs: 100 };
  const retries = new Retries(policy);
  let attempts = 0;
  const attempt = async () => {
    if (++attempts > 1) return "done";
    retries.restart(policy);
    await sleep(150);
    throw new NextpointError("away", Code.Unavailable);
  };
  assert.equal(await retries.run(attempt), "done");
});

test("a request that is sent twice is two changes", async () => {
  const requestIds: string[] = [];
  const { client } = await serve({
    suggestions: {
      createSuggestion({ requestId }) {
        requestIds.push(requestId);
        return { suggestion: {} };
      },
    },
  });
  const request = create(CreateSuggestionRequestSchema, { experimentId: "exp" });
  await client.suggestions.createSuggestion(request);
  await client.suggestions.createSuggestion(request);
  assert.notEqual(requestIds[0], requestIds[1]);
});

test("an error carries the reason, its metadata and every violation", async () => {
  const fieldViolations = [{ field: "parameters[0].bounds.max", description: "must be above" }];
  const { client } = await serve({
    experiments: {
      createExperiment: () =>
        refuse(Code.InvalidArgument, "INVALID_REQUEST", {
          desc: BadRequestSchema,
          value: { fieldViolations },
        }),
      getExperiment: () =>
        refuse(Code.ResourceExhausted, "OVERLOADED", {
          desc: RetryInfoSchema,
          value: { retryDelay: durationFromMs(1_500) },
        }),
    },
  });
  await assert.rejects(client.experiments.createExperiment({}), (error) => {
    assert.ok(error instanceof NextpointError);
    assert.equal(error.code, Code.InvalidArgument);
    assert.equal(error.reason, "INVALID_REQUEST");
    assert.deepEqual(error.metadata, { name: "x" });
    assert.deepEqual(error.violations, fieldViolations);
    return true;
  });
  await assert.rejects(client.experiments.getExperiment({}), { retryAfterMs: 1_500 });
});

test("a call that gets no answer ends at its deadline", async () => {
  const { client } = await serve({
    experiments: {
      getExperiment: async (_, { signal }) => {
        await silence(signal);
        return {};
      },
    },
  });
  const call = client.experiments.getExperiment({}, { timeoutMs: 50 });
  await assert.rejects(call, { code: Code.DeadlineExceeded, reason: undefined });
});

test("a call may take what the service config says, and what it asks the service to wait", async () => {
  const secondsLeft: number[] = [];
  const { client } = await serve({
    suggestions: {
      createSuggestion(_, { timeoutMs }) {
        // What the call took until here is less than 15 seconds.
        secondsLeft.push(15 * Math.ceil(timeoutMs()! / 15_000));
        return {};
      },
    },
  });
  const waiting = { maxWait: durationFromMs(600_000) };
  await client.suggestions.createSuggestion({});
  await client.suggestions.createSuggestion(waiting);
  await client.suggestions.createSuggestion(waiting, { timeoutMs: 120_000 });
  await client.suggestions.createSuggestion({ maxWait: durationFromMs(-3_600_000) });
  await client.suggestions.createSuggestion({ maxWait: durationFromMs(1e14) });
  assert.deepEqual(secondsLeft, [60, 660, 120, 60, 60 + 86_400]);
});

test("a call is made again as the service config says", () => {
  const { patienceMs, ...policy } = callPolicy(ExperimentService.method.getExperiment);
  assert.deepEqual(policy, {
    firstDelayMs: 500,
    multiplier: 2,
    maxDelayMs: 4_000,
    maxAttempts: 5,
    codes: [Code.Unavailable],
  });
  assert.equal(patienceMs, Infinity);
});

test("only the codes of the policy are tried again, after delays that its multiplier makes", async () => {
  const policy = {
    ...WORKER_POLICY,
    firstDelayMs: 10,
    multiplier: 20,
    codes: [Code.ResourceExhausted],
  };
  const failures = [Code.ResourceExhausted, Code.ResourceExhausted, Code.Unavailable];
  const started = performance.now();
  const attempt = async () => {
    throw new NextpointError("no", failures.shift()!);
  };
  await assert.rejects(new Retries(policy).run(attempt), { code: Code.Unavailable });
  assert.deepEqual(failures, []);
  // 10 and 200 ms, of which jitter takes at most half.
  assert.ok(performance.now() - started >= 100);
});

test("a suggestion that was asked for is renewed until it is reported", async () => {
  let renewals = 0;
  const { client } = await serve({
    suggestions: {
      createSuggestion: () => ({ suggestion: { suggestionId: "sug_1", attempt: 1 } }),
      renewLeases({ handOuts }) {
        renewals += 1;
        return { renewed: handOuts };
      },
    },
  });
  const suggestion = await client.ask("exp", { leaseMs: 300 });
  await comesTrue(() => renewals >= 2);
  await suggestion.observe({ m: 1 });
  // One of them may be on its way, and arrives before this does.
  await client.suggestions.createSuggestion({});
  const before = renewals;
  await sleep(400);
  assert.equal(renewals, before);
});

test("assignments keep their kinds both ways", () => {
  const parameters = [
    create(ParameterSchema, { name: "n", type: ParameterType.INT }),
    create(ParameterSchema, { name: "x", type: ParameterType.DOUBLE }),
  ];
  const assignments = { n: 3, x: 2, color: "red", flag: false };
  const values = fromAssignments(assignments, parameters);
  assert.deepEqual(values["n"]?.kind, { case: "intValue", value: 3n });
  assert.deepEqual(values["x"]?.kind, { case: "doubleValue", value: 2 });
  assert.deepEqual(toAssignments(values), assignments);
});

test("a parameter that only some points have is an optional property", () => {
  interface Network {
    units: number;
    rate?: number;
  }
  const network: Network = { units: 3 };
  const values = fromAssignments<Network>({ ...network, rate: undefined }, []);
  assert.deepEqual(Object.keys(values), ["units"]);
  assert.deepEqual(toAssignments<Network>(values), network);
  // @ts-expect-error: no parameter is of this kind.
  toAssignments<{ since?: Date }>({});
});

test("a parameter may have a name that objects have", async () => {
  const asked = Object.fromEntries([
    ["__proto__", 0.5],
    ["constructor", "red"],
  ]);
  const { client } = await serve({
    suggestions: {
      createSuggestion: () => ({ suggestion: { assignments: fromAssignments(asked, []) } }),
    },
  });
  const { assignments } = await client.ask("exp");
  assert.deepEqual(Object.entries(assignments), Object.entries(asked));
  assert.equal(assignments["__proto__"], 0.5);
});
