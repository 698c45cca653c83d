// Plays the scenario that every language plays, and prints the transcript.
//
//     conformance HOST:PORT SCENARIO.json

#include <google/protobuf/util/json_util.h>
#include <nextpoint/held_suggestion.h>
#include <nextpoint/worker.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <future>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace v1 = nextpoint::v1;
using nextpoint::Client;
using nlohmann::json;

namespace {

template <class Message>
Message message_of(const json& definition) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(definition.dump(), &message);
  if (!status.ok()) throw std::invalid_argument(status.ToString());
  return message;
}

nextpoint::AssignmentsProto assignments_of(const json& point) {
  nextpoint::AssignmentsProto assignments;
  for (const auto& [name, value] : point.items()) {
    assignments[name] = message_of<v1::ParameterValue>(value);
  }
  return assignments;
}

nextpoint::ValuesProto values_of(const json& measured) {
  nextpoint::ValuesProto values;
  for (const auto& each : measured) *values.Add() = message_of<v1::MetricValue>(each);
  return values;
}

std::string word(v1::ExperimentState state) {
  std::string name =
      v1::ExperimentState_Name(state).substr(std::string("EXPERIMENT_STATE_").size());
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return name;
}

json created(const v1::Experiment& experiment) {
  json parameters = json::array();
  for (const auto& each : experiment.parameters()) parameters.push_back(each.name());
  json metrics = json::array();
  for (const auto& each : experiment.metrics()) metrics.push_back(each.name());
  json metadata = json::object();
  for (const auto& [name, value] : experiment.metadata()) {
    metadata[name] =
        value.has_number_value() ? json(value.number_value()) : json(value.string_value());
  }
  return {{"name", experiment.name()},
          {"project", experiment.project()},
          {"parameters", parameters},
          {"metrics", metrics},
          {"budget", experiment.budget()},
          {"tags", experiment.tags()},
          {"metadata", metadata},
          {"grid", experiment.parameters(2).grid()},
          {"state", word(experiment.state())}};
}

json refusal(const Client& client, const json& definition) {
  try {
    client.call(&v1::ExperimentService::Stub::CreateExperiment,
                message_of<v1::CreateExperimentRequest>(definition));
  } catch (const nextpoint::Error& error) {
    std::vector<std::string> fields;
    for (const auto& each : error.violations()) fields.push_back(each.field);
    std::sort(fields.begin(), fields.end());
    return {{"reason", error.reason()}, {"fields", fields}};
  }
  throw std::logic_error("the definition was accepted");
}

json refused(const Client& client, const json& definitions) {
  json refusals = json::array();
  for (const auto& each : definitions) refusals.push_back(refusal(client, each));
  return refusals;
}

/// Takes what a stream hands out first, and drops the stream.
v1::Suggestion first_of_dropped_stream(const Client& client, const std::string& experiment_id,
                                       const std::string& worker_id) {
  grpc::ClientContext context;
  v1::StreamSuggestionsRequest request;
  request.set_experiment_id(experiment_id);
  request.set_worker_id(worker_id);
  const auto stream =
      client.stub<v1::SuggestionService::Stub>().StreamSuggestions(&context, request);
  v1::StreamSuggestionsResponse event;
  while (stream->Read(&event)) {
    if (event.has_assigned()) {
      context.TryCancel();
      return event.assigned().suggestion();
    }
  }
  throw nextpoint::Error(stream->Finish());
}

/// Queues the points and evaluates them with two workers, of which one drops its stream once.
json streamed(const Client& client, const std::string& experiment_id, const json& points) {
  std::map<double, json> measured;
  for (const auto& point : points) {
    v1::QueueSuggestionRequest request;
    request.set_experiment_id(experiment_id);
    *request.mutable_assignments() = assignments_of(point["assignments"]);
    client.call(&v1::SuggestionService::Stub::QueueSuggestion, request);
    measured[request.assignments().at("x").double_value()] = point["values"];
  }

  // Before the other worker begins, which might leave nothing.
  const auto first = first_of_dropped_stream(client, experiment_id, "worker-2");
  std::mutex mutex;
  std::vector<double> evaluated;
  std::vector<bool> resumed;
  const auto work = [&](const std::string& worker_id) {
    nextpoint::WorkerOptions options;
    options.worker_id = worker_id;
    options.warn = [](const std::string&) {};
    const auto evaluate = [&](const nextpoint::Suggestion& suggestion) {
      const std::lock_guard lock(mutex);
      if (worker_id == "worker-2" && resumed.empty()) {
        resumed.push_back(suggestion.message.suggestion_id() == first.suggestion_id() &&
                          suggestion.message.attempt() == first.attempt());
      }
      const double x = evaluated.emplace_back(suggestion.get<double>("x"));
      if (measured[x].is_null()) throw std::runtime_error("the scenario says so");
      nextpoint::Values values;
      for (const auto& [name, value] : measured[x].items()) values.push_back({name, value});
      return values;
    };
    nextpoint::run_worker(client, experiment_id, evaluate, options);
  };
  auto other = std::async(std::launch::async, work, "worker-1");
  work("worker-2");
  other.get();
  std::sort(evaluated.begin(), evaluated.end());
  return {{"evaluated", evaluated}, {"resumed", resumed}};
}

json means_of(const v1::Observation& observation) {
  json means = json::object();
  for (const auto& each : observation.values()) means[each.name()] = each.value();
  return means;
}

json stddevs_of(const v1::Observation& observation) {
  json stddevs = json::object();
  for (const auto& each : observation.values()) {
    if (each.has_value_stddev()) stddevs[each.name()] = each.value_stddev();
  }
  return stddevs;
}

json batched(const Client& client, const std::string& experiment_id, const json& scenario) {
  v1::BatchCreateObservationsRequest request;
  request.set_experiment_id(experiment_id);
  for (const auto& each : scenario["batch"]) {
    auto& observation = *request.add_observations();
    *observation.mutable_assignments() = assignments_of(each["assignments"]);
    *observation.mutable_values() = values_of(each.value("values", json::array()));
    observation.set_failed(each.value("failed", false));
  }
  const auto observations =
      client.call(&v1::ObservationService::Stub::BatchCreateObservations, request).observations();

  v1::UpdateObservationRequest correction;
  correction.set_observation_id(observations.at(0).observation_id());
  *correction.mutable_values() = values_of(scenario["correction"]);
  const auto corrected =
      client.call(&v1::ObservationService::Stub::UpdateObservation, correction).observation();

  json outside = json::array();
  json failed = json::array();
  json stddevs = json::array();
  for (const auto& each : observations) {
    outside.push_back(each.outside());
    failed.push_back(each.failed());
    stddevs.push_back(stddevs_of(each));
  }
  return {{"outside", outside},
          {"failed", failed},
          {"stddevs", stddevs},
          {"corrected", {{"values", means_of(corrected)}, {"stddevs", stddevs_of(corrected)}}}};
}

json updated(const Client& client, const std::string& experiment_id, const json& update) {
  auto request = message_of<v1::UpdateExperimentRequest>(update);
  request.set_experiment_id(experiment_id);
  const auto experiment =
      client.call(&v1::ExperimentService::Stub::UpdateExperiment, request).experiment();
  return {{"name", experiment.name()}, {"tags", experiment.tags()}};
}

json progressed(const Client& client, const std::string& experiment_id) {
  v1::GetExperimentRequest request;
  request.set_experiment_id(experiment_id);
  const auto progress =
      client.call(&v1::ExperimentService::Stub::GetExperiment, request).experiment().progress();
  return {{"observations", progress.observation_count()},
          {"failed", progress.failed_observation_count()},
          {"open", progress.open_suggestion_count()},
          {"remaining", progress.remaining_budget()},
          {"finished", progress.finished()}};
}

json best(const Client& client, const std::string& experiment_id) {
  json found = json::array();
  v1::ListBestAssignmentsRequest request;
  request.set_experiment_id(experiment_id);
  do {
    const auto page = client.call(&v1::AnalysisService::Stub::ListBestAssignments, request);
    for (const auto& each : page.best_assignments()) {
      json assignments = json::object();
      for (const auto& [name, value] : nextpoint::from_proto(each.observation().assignments())) {
        assignments[name] = std::visit([](const auto& content) { return json(content); }, value);
      }
      found.push_back({{"assignments", assignments}, {"values", means_of(each.observation())}});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return found;
}

json archived(const Client& client, const std::string& experiment_id) {
  v1::ArchiveExperimentRequest request;
  request.set_experiment_id(experiment_id);
  const auto experiment =
      client.call(&v1::ExperimentService::Stub::ArchiveExperiment, request).experiment();
  v1::CreateSuggestionRequest ask;
  ask.set_experiment_id(experiment_id);
  try {
    const nextpoint::HeldSuggestion held(client, ask);
  } catch (const nextpoint::Error& error) {
    return {{"state", word(experiment.state())}, {"reason", error.reason()}};
  }
  throw std::logic_error("an archived experiment handed out a suggestion");
}

json play(const std::string& address, const std::string& path) {
  const json scenario = json::parse(std::ifstream(path));
  const Client client(address);
  const auto experiment = client
                              .call(&v1::ExperimentService::Stub::CreateExperiment,
                                    message_of<v1::CreateExperimentRequest>(scenario["experiment"]))
                              .experiment();
  const auto& id = experiment.experiment_id();
  json transcript;
  transcript["created"] = created(experiment);
  transcript["refused"] = refused(client, scenario["refused"]);
  transcript["stream"] = streamed(client, id, scenario["points"]);
  transcript["batch"] = batched(client, id, scenario);
  transcript["updated"] = updated(client, id, scenario["update"]);
  transcript["progress"] = progressed(client, id);
  transcript["best"] = best(client, id);
  transcript["archived"] = archived(client, id);
  return transcript;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: conformance HOST:PORT SCENARIO.json\n";
    return 2;
  }
  try {
    std::cout << play(argv[1], argv[2]).dump() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "conformance: " << error.what() << "\n";
    return 1;
  }
}
