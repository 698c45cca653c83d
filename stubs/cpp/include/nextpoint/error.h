#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace nextpoint {

/// What is wrong with one field of a request.
struct FieldViolation {
  /// The path of the field, such as `parameters[2].bounds.max`.
  std::string field;
  /// Which rule it breaks.
  std::string description;
};

/// Says why a call failed. Everything in this library that fails throws it.
class Error : public std::runtime_error {
 public:
  /// Reads what the service attached to the status of a failed call.
  explicit Error(const grpc::Status& status);
  Error(grpc::StatusCode code, const std::string& message, const std::string& reason = {});

  /// The kind of failure.
  grpc::StatusCode code() const { return code_; }

  /// What programs tell failures apart by, such as `BUDGET_SPENT`; docs/contract.md lists them.
  /// Empty where no service answered.
  const std::string& reason() const { return reason_; }

  /// What varies in the message.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// The fields that the service refused, where the reason is `INVALID_REQUEST`.
  const std::vector<FieldViolation>& violations() const { return violations_; }

  /// How long the service asks to wait; 0 where it does not say.
  std::chrono::milliseconds retry_after() const { return retry_after_; }

 private:
  grpc::StatusCode code_;
  std::string reason_;
  std::map<std::string, std::string> metadata_;
  std::vector<FieldViolation> violations_;
  std::chrono::milliseconds retry_after_{0};

  struct Details;
  Error(const grpc::Status& status, const Details& details);
};

}  // namespace nextpoint
