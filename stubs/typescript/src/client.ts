import type { SecureClientSessionOptions } from "node:http2";

import {
  type Client as ServiceClient,
  createClient,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import type { Assignments, AssignmentsShape } from "./assignments.js";
import { AnalysisService } from "./gen/nextpoint/v1/analysis_service_pb.js";
import { ExperimentService } from "./gen/nextpoint/v1/experiment_service_pb.js";
import { ObservationService } from "./gen/nextpoint/v1/observation_service_pb.js";
import { RunService } from "./gen/nextpoint/v1/run_service_pb.js";
import { SuggestionService } from "./gen/nextpoint/v1/suggestion_service_pb.js";
import { type AskOptions, ask } from "./ask.js";
import { type StreamOptions, SuggestionStream } from "./stream.js";
import type { Suggestion } from "./suggestion.js";
import { DEFAULT_TIMEOUT_MS } from "./service_config.js";
import { dependable } from "./transport.js";
import { type Evaluate, work, type WorkOptions, type WorkResult } from "./worker.js";

const DEFAULT_ADDRESS = "127.0.0.1:50051";

/** Longer than a stream that works is silent. A connection that is lost without a word shows then. */
const PING_INTERVAL_MS = 30_000;

export interface ClientOptions {
  /**
   * How long a call may take, all its attempts together, besides the `maxWait` of its request. By
   * default 60 seconds.
   */
  readonly timeoutMs?: number;
}

export interface ConnectOptions extends ClientOptions {
  /** The credentials of the channel, as `node:tls` takes them. Without it, plaintext. */
  readonly tls?: SecureClientSessionOptions;
  /** Connect's interceptors, such as one that sets a header. */
  readonly interceptors?: Interceptor[];
}

/** The calls of the contract, each a promise or an async iterable. */
export interface Services {
  readonly experiments: ServiceClient<typeof ExperimentService>;
  readonly suggestions: ServiceClient<typeof SuggestionService>;
  readonly observations: ServiceClient<typeof ObservationService>;
  readonly runs: ServiceClient<typeof RunService>;
  readonly analysis: ServiceClient<typeof AnalysisService>;
}

/** A connection that is made when it is first needed, and does not keep the process alive. */
export class Client implements Services {
  readonly experiments: ServiceClient<typeof ExperimentService>;
  readonly suggestions: ServiceClient<typeof SuggestionService>;
  readonly observations: ServiceClient<typeof ObservationService>;
  readonly runs: ServiceClient<typeof RunService>;
  readonly analysis: ServiceClient<typeof AnalysisService>;

  /** Takes any transport of Connect's; `connect` makes the usual one. */
  constructor(transport: Transport, { timeoutMs = DEFAULT_TIMEOUT_MS }: ClientOptions = {}) {
    const channel = dependable(transport, timeoutMs);
    this.experiments = createClient(ExperimentService, channel);
    this.suggestions = createClient(SuggestionService, channel);
    this.observations = createClient(ObservationService, channel);
    this.runs = createClient(RunService, channel);
    this.analysis = createClient(AnalysisService, channel);
  }

  /** Evaluates suggestions by a function until there is no more to do. */
  work<A extends AssignmentsShape<A> = Assignments>(
    experimentId: string,
    evaluate: Evaluate<A>,
    options?: WorkOptions,
  ): Promise<WorkResult> {
    return work(this, experimentId, evaluate, options);
  }

  /** Returns the suggestions to one worker, for `for await`. */
  stream<A extends AssignmentsShape<A> = Assignments>(
    experimentId: string,
    options?: StreamOptions,
  ): SuggestionStream<A> {
    return new SuggestionStream<A>(this, experimentId, options);
  }

  /** Asks for one suggestion, without a stream, and renews its lease until it is reported. */
  ask<A extends AssignmentsShape<A> = Assignments>(
    experimentId: string,
    options?: AskOptions,
  ): Promise<Suggestion<A>> {
    return ask(this, experimentId, options);
  }
}

/** Returns a client of the service at `HOST:PORT`, by default that in `NEXTPOINT_ADDRESS`. */
export function connect(
  address: string = process.env["NEXTPOINT_ADDRESS"] || DEFAULT_ADDRESS,
  { tls, interceptors = [], ...options }: ConnectOptions = {},
): Client {
  if (!/^[^/]+:\d+$/.test(address)) {
    throw new TypeError(`the address must be HOST:PORT, got '${address}'`);
  }
  const transport = createGrpcTransport({
    baseUrl: `${tls ? "https" : "http"}://${address}`,
    nodeOptions: tls ?? {},
    interceptors,
    pingIntervalMs: PING_INTERVAL_MS,
  });
  return new Client(transport, options);
}
