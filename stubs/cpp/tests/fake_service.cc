#include "fake_service.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "google/rpc/status.pb.h"

namespace nextpoint {

using namespace std::chrono_literals;
using google::protobuf::util::TimeUtil;

v1::StreamSuggestionsResponse opened(int heartbeat_milliseconds, int lease_milliseconds) {
  v1::StreamSuggestionsResponse event;
  *event.mutable_opened()->mutable_heartbeat_interval() =
      TimeUtil::MillisecondsToDuration(heartbeat_milliseconds);
  *event.mutable_opened()->mutable_lease_duration() =
      TimeUtil::MillisecondsToDuration(lease_milliseconds);
  return event;
}

v1::StreamSuggestionsResponse assigned(const std::string& suggestion_id, int attempt, double x) {
  v1::StreamSuggestionsResponse event;
  auto& suggestion = *event.mutable_assigned()->mutable_suggestion();
  suggestion.set_suggestion_id(suggestion_id);
  suggestion.set_attempt(attempt);
  (*suggestion.mutable_assignments())["x"].set_double_value(x);
  return event;
}

v1::StreamSuggestionsResponse closed(v1::StreamClosedReason reason) {
  v1::StreamSuggestionsResponse event;
  event.mutable_closed()->set_reason(reason);
  return event;
}

grpc::Status failed(grpc::StatusCode code, const google::protobuf::Message& detail) {
  google::rpc::Status attached;
  attached.add_details()->PackFrom(detail);
  return {code, "refused", attached.SerializeAsString()};
}

namespace {

std::chrono::milliseconds time_left(const grpc::ServerContext& context) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(context.deadline() -
                                                               std::chrono::system_clock::now());
}

}  // namespace

FakeService::FakeService(std::vector<Script> scripts) : scripts_(scripts.begin(), scripts.end()) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(static_cast<v1::SuggestionService::Service*>(this));
  builder.RegisterService(static_cast<v1::ObservationService::Service*>(this));
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

FakeService::~FakeService() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeService::refuse(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  refusals_.push_back(status);
}

bool FakeService::all_observed() const {
  const std::lock_guard lock(mutex_);
  return std::includes(observed_.begin(), observed_.end(), assigned_.begin(), assigned_.end());
}

grpc::Status FakeService::StreamSuggestions(
    grpc::ServerContext* context, const v1::StreamSuggestionsRequest* request,
    grpc::ServerWriter<v1::StreamSuggestionsResponse>* writer) {
  Script script;
  {
    const std::lock_guard lock(mutex_);
    streams_.push_back(*request);
    if (scripts_.empty()) return {grpc::StatusCode::INTERNAL, "no such stream was expected"};
    script = std::move(scripts_.front());
    scripts_.pop_front();
  }
  for (const auto& event : script.events) {
    if (event.has_assigned()) {
      const std::lock_guard lock(mutex_);
      assigned_.insert(event.assigned().suggestion().suggestion_id());
    }
    while (event.has_closed() && !context->IsCancelled() && !all_observed()) {
      std::this_thread::sleep_for(5ms);
    }
    writer->Write(event);
  }
  while (!script.end && !context->IsCancelled()) std::this_thread::sleep_for(5ms);
  return script.end.value_or(grpc::Status::CANCELLED);
}

grpc::Status FakeService::CreateSuggestion(grpc::ServerContext* context,
                                           const v1::CreateSuggestionRequest* request,
                                           v1::CreateSuggestionResponse* response) {
  limit_ = time_left(*context);
  *response->mutable_suggestion() = assigned("sug_1", 1, 0.5).assigned().suggestion();
  response->mutable_suggestion()->set_experiment_id(request->experiment_id());
  return grpc::Status::OK;
}

grpc::Status FakeService::RenewLeases(grpc::ServerContext* context,
                                      const v1::RenewLeasesRequest* request,
                                      v1::RenewLeasesResponse* response) {
  {
    const std::lock_guard lock(mutex_);
    renewals_.push_back(*request);
  }
  while (renews_silently_ && !context->IsCancelled()) std::this_thread::sleep_for(5ms);
  *response->mutable_renewed() = request->hand_outs();
  return grpc::Status::OK;
}

grpc::Status FakeService::ReleaseSuggestion(grpc::ServerContext*,
                                            const v1::ReleaseSuggestionRequest* request,
                                            v1::ReleaseSuggestionResponse*) {
  const std::lock_guard lock(mutex_);
  releases_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeService::CreateObservation(grpc::ServerContext* context,
                                            const v1::CreateObservationRequest* request,
                                            v1::CreateObservationResponse*) {
  limit_ = time_left(*context);
  {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(*request);
  }
  while (silent_ && !context->IsCancelled()) std::this_thread::sleep_for(5ms);
  const std::lock_guard lock(mutex_);
  if (refusals_.empty()) {
    observed_.insert(request->suggestion_id());
    return grpc::Status::OK;
  }
  const grpc::Status status = refusals_.front();
  refusals_.pop_front();
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
    observed_.insert(request->suggestion_id());
  }
  return status;
}

}  // namespace nextpoint
