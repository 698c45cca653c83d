#pragma once

#include <chrono>

#include "nextpoint/error.h"

namespace nextpoint {

/// Says whether the service may come back: one that ends cancels its calls, and one that has too
/// much to do asks to wait.
bool is_away(const Error& error);

/// Delays that grow, with jitter, so that workers do not come back all at once.
class Backoff {
 public:
  /// Returns how long to wait after this error, at least what the service asks for, or throws it
  /// when five minutes have passed since the first. No wait is longer than they are.
  std::chrono::milliseconds delay_after(const Error& error);

 private:
  using Clock = std::chrono::steady_clock;

  std::chrono::milliseconds delay_{0};
  Clock::time_point give_up_at_;
};

}  // namespace nextpoint
