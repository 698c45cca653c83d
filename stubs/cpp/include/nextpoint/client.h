#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "nextpoint/error.h"
#include "nextpoint/v1/analysis_service.grpc.pb.h"
#include "nextpoint/v1/experiment_service.grpc.pb.h"
#include "nextpoint/v1/observation_service.grpc.pb.h"
#include "nextpoint/v1/run_service.grpc.pb.h"
#include "nextpoint/v1/suggestion_service.grpc.pb.h"

namespace nextpoint {

struct ClientOptions {
  /// Plain text unless given.
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  /// How long a call may take that names no limit of its own, repetitions included; what it asks
  /// the service to wait comes on top. As long as the clients of all languages wait unless given.
  std::optional<std::chrono::milliseconds> timeout;
};

/// Calls one service. Any number of threads may use it.
class Client {
 public:
  /// Takes HOST:PORT or any other target of gRPC's, and connects when it is first needed.
  explicit Client(const std::string& address, const ClientOptions& options = {});

  /// Makes one of the contract's calls, or throws Error:
  ///
  ///     client.call(&v1::ExperimentService::Stub::GetExperiment, request).experiment()
  ///
  /// The response is gone at the end of such an expression. A range-for over a field of it needs a
  /// response with a name:
  ///
  ///     const auto answer = client.call(&v1::ExperimentService::Stub::ListExperiments, request);
  ///     for (const auto& experiment : answer.experiments()) {
  ///
  /// While the service is away the call is made again for some seconds. A change without a request
  /// id gets one, which it keeps over these repetitions.
  template <class Stub, class Request, class Response>
  Response call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                Request request,
                std::optional<std::chrono::milliseconds> timeout = std::nullopt) const {
    grpc::ClientContext context;
    return call(method, std::move(request), context, timeout);
  }

  /// Makes the call in a context of the caller's own, who may break it off there.
  template <class Stub, class Request, class Response>
  Response call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                Request request, grpc::ClientContext& context,
                std::optional<std::chrono::milliseconds> timeout = std::nullopt) const {
    prepare(context, request, timeout);
    Response response;
    const grpc::Status status = (stub<Stub>().*method)(&context, request, &response);
    if (!status.ok()) throw Error(status);
    return response;
  }

  /// Returns what gRPC generated, such as a `v1::SuggestionService::Stub`, for whatever `call` does
  /// not do.
  template <class Stub>
  Stub& stub() const {
    return *std::get<std::unique_ptr<Stub>>(stubs_);
  }

 private:
  /// Sets the deadline and the request id.
  void prepare(grpc::ClientContext& context, google::protobuf::Message& request,
               std::optional<std::chrono::milliseconds> timeout) const;

  std::chrono::milliseconds timeout_;
  std::tuple<std::unique_ptr<v1::AnalysisService::Stub>,
             std::unique_ptr<v1::ExperimentService::Stub>,
             std::unique_ptr<v1::ObservationService::Stub>, std::unique_ptr<v1::RunService::Stub>,
             std::unique_ptr<v1::SuggestionService::Stub>>
      stubs_;
};

}  // namespace nextpoint
