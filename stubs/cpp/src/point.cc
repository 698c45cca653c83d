#include "nextpoint/point.h"

#include <type_traits>
#include <utility>

namespace nextpoint {

Assignments from_proto(const AssignmentsProto& assignments) {
  Assignments values;
  for (const auto& [name, value] : assignments) {
    switch (value.kind_case()) {
      case v1::ParameterValue::kDoubleValue:
        values[name] = value.double_value();
        break;
      case v1::ParameterValue::kIntValue:
        values[name] = value.int_value();
        break;
      case v1::ParameterValue::kStringValue:
        values[name] = value.string_value();
        break;
      case v1::ParameterValue::kBoolValue:
        values[name] = value.bool_value();
        break;
      case v1::ParameterValue::KIND_NOT_SET:
        // A kind that a newer contract has.
        break;
    }
  }
  return values;
}

AssignmentsProto to_proto(const Assignments& assignments) {
  AssignmentsProto messages;
  for (const auto& [name, value] : assignments) {
    auto& message = messages[name];
    std::visit(
        [&message](const auto& content) {
          using T = std::decay_t<decltype(content)>;
          if constexpr (std::is_same_v<T, double>) {
            message.set_double_value(content);
          } else if constexpr (std::is_same_v<T, std::int64_t>) {
            message.set_int_value(content);
          } else if constexpr (std::is_same_v<T, std::string>) {
            message.set_string_value(content);
          } else {
            message.set_bool_value(content);
          }
        },
        value);
  }
  return messages;
}

Values from_proto(const ValuesProto& messages) {
  Values values;
  for (const auto& each : messages) {
    auto& value = values.emplace_back(MetricValue{each.name(), each.value()});
    if (each.has_value_stddev()) value.stddev = each.value_stddev();
  }
  return values;
}

ValuesProto to_proto(const Values& values) {
  ValuesProto messages;
  for (const auto& each : values) {
    auto* message = messages.Add();
    message->set_name(each.name);
    message->set_value(each.value);
    if (each.stddev) message->set_value_stddev(*each.stddev);
  }
  return messages;
}

Suggestion::Suggestion(v1::Suggestion handed_out)
    : assignments(from_proto(handed_out.assignments())), message(std::move(handed_out)) {}

}  // namespace nextpoint
