#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "nextpoint/client.h"
#include "nextpoint/point.h"

namespace nextpoint {

/// A suggestion that was asked for by a call, for a program that wants no worker.
///
/// Its lease is renewed until its outcome is reported. Destroyed before, it is given back; when the
/// whole program dies, the lease runs out. Either way the next worker gets it.
class HeldSuggestion {
 public:
  /// Asks for it. The client has to outlive it.
  HeldSuggestion(const Client& client, v1::CreateSuggestionRequest request);
  ~HeldSuggestion();

  HeldSuggestion(const HeldSuggestion&) = delete;
  HeldSuggestion& operator=(const HeldSuggestion&) = delete;

  const Suggestion& operator*() const { return *suggestion_; }
  const Suggestion* operator->() const { return &*suggestion_; }

  v1::Observation report(const Values& values);
  v1::Observation report_failure();

 private:
  v1::Observation report(v1::CreateObservationRequest outcome);
  void renew();
  void stop_renewing();

  const Client& client_;
  std::chrono::milliseconds lease_;
  std::optional<Suggestion> suggestion_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  // The renewal that is made or was made last.
  std::optional<grpc::ClientContext> call_;
  std::thread renewal_;
};

}  // namespace nextpoint
