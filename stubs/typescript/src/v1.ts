/** The contract, as generated from protos/nextpoint/v1. */
export * from "./gen/nextpoint/v1/analysis_service_pb.js";
export * from "./gen/nextpoint/v1/experiment_pb.js";
export * from "./gen/nextpoint/v1/experiment_service_pb.js";
export * from "./gen/nextpoint/v1/observation_pb.js";
export * from "./gen/nextpoint/v1/observation_service_pb.js";
export * from "./gen/nextpoint/v1/run_pb.js";
export * from "./gen/nextpoint/v1/run_service_pb.js";
export * from "./gen/nextpoint/v1/search_space_pb.js";
export * from "./gen/nextpoint/v1/suggestion_pb.js";
export * from "./gen/nextpoint/v1/suggestion_service_pb.js";
export * from "./gen/nextpoint/v1/task_pb.js";
