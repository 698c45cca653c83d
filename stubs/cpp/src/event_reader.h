#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "nextpoint/client.h"

namespace nextpoint {

/// One call of StreamSuggestions, whose events are waited for with a limit.
class EventReader final : public grpc::ClientReadReactor<v1::StreamSuggestionsResponse> {
 public:
  EventReader(v1::SuggestionService::Stub& stub, const v1::StreamSuggestionsRequest& request);

  /// Breaks the call off.
  ~EventReader() override;

  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /// Returns whether an event can be taken, after this time at the latest. Throws Error once there
  /// will be none.
  bool wait(std::chrono::milliseconds limit);

  v1::StreamSuggestionsResponse take();

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  grpc::ClientContext context_;
  // Where gRPC puts the next event.
  v1::StreamSuggestionsResponse incoming_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::StreamSuggestionsResponse> events_;
  std::optional<grpc::Status> status_;
};

}  // namespace nextpoint
