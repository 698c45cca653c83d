#include "nextpoint/error.h"

#include "duration.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace nextpoint {

/// What the service attached; what it did not is empty.
struct Error::Details {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::RetryInfo retry;

  explicit Details(const grpc::Status& status) {
    google::rpc::Status attached;
    // Whatever a proxy put there, the code and the message still say what happened.
    if (!attached.ParseFromString(status.error_details())) return;
    for (const auto& detail : attached.details()) {
      detail.UnpackTo(&info) || detail.UnpackTo(&bad_request) || detail.UnpackTo(&retry);
    }
  }
};

Error::Error(const grpc::Status& status) : Error(status, Details(status)) {}

Error::Error(const grpc::Status& status, const Details& details)
    : Error(status.error_code(), status.error_message(), details.info.reason()) {
  metadata_.insert(details.info.metadata().begin(), details.info.metadata().end());
  for (const auto& each : details.bad_request.field_violations()) {
    violations_.push_back({each.field(), each.description()});
  }
  retry_after_ = from_proto(details.retry.retry_delay());
}

Error::Error(grpc::StatusCode code, const std::string& message, const std::string& reason)
    : std::runtime_error(reason.empty() ? message : message + " (" + reason + ")"),
      code_(code),
      reason_(reason) {}

}  // namespace nextpoint
