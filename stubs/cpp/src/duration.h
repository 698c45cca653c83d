#pragma once

#include <google/protobuf/util/time_util.h>

#include <chrono>

namespace nextpoint {

inline std::chrono::milliseconds from_proto(const google::protobuf::Duration& duration) {
  return std::chrono::milliseconds(
      google::protobuf::util::TimeUtil::DurationToMilliseconds(duration));
}

inline google::protobuf::Duration to_proto(std::chrono::milliseconds duration) {
  return google::protobuf::util::TimeUtil::MillisecondsToDuration(duration.count());
}

}  // namespace nextpoint
