#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nextpoint/error.h"
#include "nextpoint/v1/observation.pb.h"
#include "nextpoint/v1/search_space.pb.h"
#include "nextpoint/v1/suggestion.pb.h"

namespace nextpoint {

/// The value of a parameter of type double, int, categorical or bool.
using ParameterValue = std::variant<double, std::int64_t, std::string, bool>;

/// One value for every conditional and every parameter that is there, by name.
using Assignments = std::map<std::string, ParameterValue>;

/// What an evaluation measured of one metric.
struct MetricValue {
  std::string name;
  double value;
  /// The standard deviation, where it is known.
  std::optional<double> stddev{};
};

/// What an evaluation measured: one entry for every metric of the experiment.
using Values = std::vector<MetricValue>;

using AssignmentsProto = google::protobuf::Map<std::string, v1::ParameterValue>;
using ValuesProto = google::protobuf::RepeatedPtrField<v1::MetricValue>;

Assignments from_proto(const AssignmentsProto& assignments);
AssignmentsProto to_proto(const Assignments& assignments);
Values from_proto(const ValuesProto& values);
ValuesProto to_proto(const Values& values);

/// A point that was handed out.
struct Suggestion {
  explicit Suggestion(v1::Suggestion handed_out);

  /// Returns the value of a parameter, or throws Error where there is none of this name and type.
  template <class T>
  const T& get(const std::string& name) const {
    const auto found = assignments.find(name);
    const T* value = found == assignments.end() ? nullptr : std::get_if<T>(&found->second);
    if (!value) {
      throw Error(grpc::StatusCode::INVALID_ARGUMENT,
                  "no parameter '" + name + "' of this type in " + message.ShortDebugString());
    }
    return *value;
  }

  Assignments assignments;
  /// Everything that the contract says of it.
  v1::Suggestion message;
};

}  // namespace nextpoint
