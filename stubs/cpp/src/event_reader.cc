#include "event_reader.h"

#include <utility>

namespace nextpoint {

EventReader::EventReader(v1::SuggestionService::Stub& stub,
                         const v1::StreamSuggestionsRequest& request) {
  stub.async()->StreamSuggestions(&context_, &request, this);
  StartRead(&incoming_);
  StartCall();
}

EventReader::~EventReader() {
  context_.TryCancel();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return status_.has_value(); });
}

bool EventReader::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return !events_.empty() || status_; });
  if (!events_.empty()) return true;
  if (!status_) return false;
  if (!status_->ok()) throw Error(*status_);
  throw Error(grpc::StatusCode::UNAVAILABLE, "the stream ended without saying why");
}

v1::StreamSuggestionsResponse EventReader::take() {
  const std::lock_guard lock(mutex_);
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void EventReader::OnReadDone(bool ok) {
  if (!ok) return;
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(incoming_));
    changed_.notify_one();
  }
  StartRead(&incoming_);
}

void EventReader::OnDone(const grpc::Status& status) {
  // Notified under the lock, because afterwards this may be gone.
  const std::lock_guard lock(mutex_);
  status_ = status;
  changed_.notify_one();
}

}  // namespace nextpoint
