#include "nextpoint/client.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <cstdint>

#include "service_config.h"
#include "unique_id.h"

namespace nextpoint {
namespace {

// As much as the service takes. A batch of 2500 observations of 100 parameters fits.
constexpr int kMaxMessageBytes = 16 * 1024 * 1024;

bool is_loopback(const std::string& address) {
  const auto starts_with = [&](const char* prefix) { return address.rfind(prefix, 0) == 0; };
  return starts_with("127.") || starts_with("localhost:") || starts_with("[::1]:");
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& address,
                                            const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  // Without these gRPC waits up to two minutes before it looks for a restarted service again.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // A connection that died without a word is noticed, and replaced. What gRPC pings of its own has
  // a limit of its own.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 15'000);
  arguments.SetInt("grpc.http2.ping_timeout_ms", 15'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // No proxy reaches the machine's own loopback, whatever the environment says.
  if (is_loopback(address)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, options.credentials, arguments);
}

/// Gives a change its id, unless it has one.
void identify(google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  const auto* reflection = request.GetReflection();
  if (field && reflection->GetString(request, field).empty()) {
    reflection->SetString(&request, field, unique_id());
  }
}

// Longer than any service waits.
constexpr std::int64_t kLongestWaitSeconds = 24 * 60 * 60;

/// Returns how long the service may wait, as it was asked. What is no such time, it refuses.
std::chrono::milliseconds max_wait(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("max_wait");
  if (!field) return std::chrono::milliseconds(0);
  const auto& wait = dynamic_cast<const google::protobuf::Duration&>(
      request.GetReflection()->GetMessage(request, field));
  const std::chrono::seconds seconds(
      std::clamp<std::int64_t>(wait.seconds(), 0, kLongestWaitSeconds));
  return seconds + std::chrono::milliseconds(std::max(0, wait.nanos() / 1'000'000));
}

}  // namespace

Client::Client(const std::string& address, const ClientOptions& options)
    : timeout_(options.timeout.value_or(kTimeout)) {
  const auto channel = open_channel(address, options);
  stubs_ = {v1::AnalysisService::NewStub(channel), v1::ExperimentService::NewStub(channel),
            v1::ObservationService::NewStub(channel), v1::RunService::NewStub(channel),
            v1::SuggestionService::NewStub(channel)};
}

void Client::prepare(grpc::ClientContext& context, google::protobuf::Message& request,
                     std::optional<std::chrono::milliseconds> timeout) const {
  identify(request);
  context.set_deadline(std::chrono::system_clock::now() +
                       timeout.value_or(timeout_ + max_wait(request)));
}

}  // namespace nextpoint
