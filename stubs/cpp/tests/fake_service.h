#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nextpoint/v1/observation_service.grpc.pb.h"
#include "nextpoint/v1/suggestion_service.grpc.pb.h"

namespace nextpoint {

/// Events, as a stream sends them.
v1::StreamSuggestionsResponse opened(int heartbeat_milliseconds = 15000,
                                     int lease_milliseconds = 300);
v1::StreamSuggestionsResponse assigned(const std::string& suggestion_id, int attempt, double x);
v1::StreamSuggestionsResponse closed(v1::StreamClosedReason reason);

/// Returns a status with one detail, as the service attaches it.
grpc::Status failed(grpc::StatusCode code, const google::protobuf::Message& detail);

/// What one stream sends before it ends with a status, or stays open without one. What says that
/// there is no more to do is sent once everything that was assigned has an outcome, or has none by
/// rule.
struct Script {
  std::vector<v1::StreamSuggestionsResponse> events;
  std::optional<grpc::Status> end;
};

/// A service on this machine that plays one script for each stream and remembers what it is told.
class FakeService final : private v1::SuggestionService::Service,
                          private v1::ObservationService::Service {
 public:
  explicit FakeService(std::vector<Script> scripts = {});
  ~FakeService() override;

  const std::string& address() const { return address_; }

  /// Makes the next call of CreateObservation fail.
  void refuse(const grpc::Status& status);

  /// Leaves every call of CreateObservation without an answer.
  void fall_silent() { silent_ = true; }

  /// Leaves every call of RenewLeases without an answer.
  void renew_silently() { renews_silently_ = true; }

  /// How much time the last call was given that asks for a suggestion or reports.
  std::chrono::milliseconds limit() const { return limit_; }

  std::vector<v1::StreamSuggestionsRequest> streams() const { return copy(streams_); }
  std::vector<v1::CreateObservationRequest> outcomes() const { return copy(outcomes_); }
  std::vector<v1::ReleaseSuggestionRequest> releases() const { return copy(releases_); }
  std::vector<v1::RenewLeasesRequest> renewals() const { return copy(renewals_); }

 private:
  grpc::Status StreamSuggestions(
      grpc::ServerContext* context, const v1::StreamSuggestionsRequest* request,
      grpc::ServerWriter<v1::StreamSuggestionsResponse>* writer) override;
  grpc::Status CreateSuggestion(grpc::ServerContext* context,
                                const v1::CreateSuggestionRequest* request,
                                v1::CreateSuggestionResponse* response) override;
  grpc::Status RenewLeases(grpc::ServerContext* context, const v1::RenewLeasesRequest* request,
                           v1::RenewLeasesResponse* response) override;
  grpc::Status ReleaseSuggestion(grpc::ServerContext*, const v1::ReleaseSuggestionRequest* request,
                                 v1::ReleaseSuggestionResponse* response) override;
  grpc::Status CreateObservation(grpc::ServerContext* context,
                                 const v1::CreateObservationRequest* request,
                                 v1::CreateObservationResponse* response) override;

  template <class T>
  std::vector<T> copy(const std::vector<T>& requests) const {
    const std::lock_guard lock(mutex_);
    return requests;
  }

  bool all_observed() const;

  std::atomic<bool> silent_{false};
  std::atomic<bool> renews_silently_{false};
  std::atomic<std::chrono::milliseconds> limit_{};
  mutable std::mutex mutex_;
  std::set<std::string> assigned_;
  // One may be assigned anew by the next stream while its outcome is on its way.
  std::set<std::string> observed_;
  std::deque<Script> scripts_;
  std::deque<grpc::Status> refusals_;
  std::vector<v1::StreamSuggestionsRequest> streams_;
  std::vector<v1::CreateObservationRequest> outcomes_;
  std::vector<v1::ReleaseSuggestionRequest> releases_;
  std::vector<v1::RenewLeasesRequest> renewals_;

  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace nextpoint
