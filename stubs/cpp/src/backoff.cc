#include "backoff.h"

#include <algorithm>
#include <random>

namespace nextpoint {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{200};
constexpr milliseconds kMaxDelay{10000};
// For how long a worker that worked waits for its service to come back.
constexpr std::chrono::minutes kPatience{5};

}  // namespace

bool is_away(const Error& error) {
  return error.code() == grpc::StatusCode::UNAVAILABLE ||
         error.code() == grpc::StatusCode::CANCELLED || error.retry_after() > milliseconds(0);
}

milliseconds Backoff::delay_after(const Error& error) {
  if (delay_ == milliseconds(0)) {
    delay_ = kFirstDelay;
    give_up_at_ = Clock::now() + kPatience;
  }
  const auto left = std::chrono::ceil<milliseconds>(give_up_at_ - Clock::now());
  if (left <= milliseconds(0)) throw error;
  std::random_device random;
  std::uniform_int_distribution<milliseconds::rep> jitter(0, delay_.count());
  delay_ = std::min(2 * delay_, kMaxDelay);
  return std::min(std::max(milliseconds(jitter(random)), error.retry_after()), left);
}

}  // namespace nextpoint
