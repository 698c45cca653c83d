export { Code } from "@connectrpc/connect";

export {
  type Assignments,
  type AssignmentsShape,
  type AssignmentValue,
  fromAssignments,
  toAssignments,
} from "./assignments.js";
export {
  Client,
  type ClientOptions,
  connect,
  type ConnectOptions,
  type Services,
} from "./client.js";
export { type FieldViolation, NextpointError } from "./errors.js";
export type { AskOptions } from "./ask.js";
export { type StreamOptions, SuggestionStream } from "./stream.js";
export { type ReportOptions, Suggestion, type Values } from "./suggestion.js";
export type { Evaluate, EvaluationContext, WorkOptions, WorkResult } from "./worker.js";
