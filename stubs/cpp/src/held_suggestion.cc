#include "nextpoint/held_suggestion.h"

#include <utility>

#include "duration.h"

namespace nextpoint {
namespace {

using std::chrono::milliseconds;

// The client says how long its leases last, so that it knows when to renew them without comparing
// its clock with the service's.
constexpr milliseconds kLease{60000};

// Whoever destroys it waits.
constexpr milliseconds kGrace{5000};

}  // namespace

HeldSuggestion::HeldSuggestion(const Client& client, v1::CreateSuggestionRequest request)
    : client_(client) {
  if (!request.has_lease_duration()) {
    *request.mutable_lease_duration() = to_proto(kLease);
  }
  lease_ = from_proto(request.lease_duration());
  suggestion_.emplace(
      client.call(&v1::SuggestionService::Stub::CreateSuggestion, request).suggestion());
  renewal_ = std::thread([this] { renew(); });
}

HeldSuggestion::~HeldSuggestion() {
  if (!renewal_.joinable()) return;
  stop_renewing();
  v1::ReleaseSuggestionRequest request;
  request.set_suggestion_id(suggestion_->message.suggestion_id());
  request.set_attempt(suggestion_->message.attempt());
  try {
    client_.call(&v1::SuggestionService::Stub::ReleaseSuggestion, request, kGrace);
  } catch (const Error&) {
    // One whose lease is lost is another worker's already, and every other lease runs out.
  }
}

v1::Observation HeldSuggestion::report(const Values& values) {
  v1::CreateObservationRequest outcome;
  *outcome.mutable_values() = to_proto(values);
  return report(std::move(outcome));
}

v1::Observation HeldSuggestion::report_failure() {
  v1::CreateObservationRequest outcome;
  outcome.set_failed(true);
  return report(std::move(outcome));
}

v1::Observation HeldSuggestion::report(v1::CreateObservationRequest outcome) {
  outcome.set_experiment_id(suggestion_->message.experiment_id());
  outcome.set_suggestion_id(suggestion_->message.suggestion_id());
  auto response = client_.call(&v1::ObservationService::Stub::CreateObservation, outcome);
  if (renewal_.joinable()) stop_renewing();
  return std::move(*response.mutable_observation());
}

void HeldSuggestion::renew() {
  v1::RenewLeasesRequest request;
  auto* hand_out = request.add_hand_outs();
  hand_out->set_suggestion_id(suggestion_->message.suggestion_id());
  hand_out->set_attempt(suggestion_->message.attempt());
  *request.mutable_lease_duration() = to_proto(lease_);

  milliseconds delay = lease_ / 3;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, delay, [this] { return stopped_; })) {
    auto& context = call_.emplace();
    lock.unlock();
    try {
      const auto response =
          client_.call(&v1::SuggestionService::Stub::RenewLeases, request, context, lease_ / 3);
      // The outcome of one that is lost is still accepted, so this is nothing to fail for.
      if (response.lost_size() > 0) return;
      delay = lease_ / 3;
    } catch (const Error&) {
      // There is time for more attempts before the lease runs out.
      delay = lease_ / 12;
    }
    lock.lock();
  }
}

void HeldSuggestion::stop_renewing() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (call_) call_->TryCancel();
  }
  changed_.notify_one();
  renewal_.join();
}

}  // namespace nextpoint
