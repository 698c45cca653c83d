#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>
#include <nextpoint/client.h>
#include <nextpoint/held_suggestion.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "fake_service.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "service_config.h"

namespace nextpoint {
namespace {

using namespace std::chrono_literals;
using google::protobuf::util::TimeUtil;

constexpr auto kReport = &v1::ObservationService::Stub::CreateObservation;

TEST(Client, AnErrorSaysWhatTheServiceSaid) {
  google::rpc::ErrorInfo info;
  info.set_reason("INVALID_REQUEST");
  info.set_domain("nextpoint");
  (*info.mutable_metadata())["count"] = "1";
  google::rpc::BadRequest bad_request;
  auto& violation = *bad_request.add_field_violations();
  violation.set_field("values[0].value");
  violation.set_description("must be finite");
  google::rpc::RetryInfo retry;
  *retry.mutable_retry_delay() = TimeUtil::MillisecondsToDuration(1500);
  google::rpc::Status attached;
  attached.add_details()->PackFrom(info);
  attached.add_details()->PackFrom(bad_request);
  attached.add_details()->PackFrom(retry);
  FakeService service;
  service.refuse({grpc::StatusCode::INVALID_ARGUMENT, "refused", attached.SerializeAsString()});

  try {
    Client(service.address()).call(kReport, v1::CreateObservationRequest());
    FAIL() << "it was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(error.reason(), "INVALID_REQUEST");
    EXPECT_EQ(error.metadata().at("count"), "1");
    ASSERT_EQ(error.violations().size(), 1U);
    EXPECT_EQ(error.violations()[0].field, "values[0].value");
    EXPECT_EQ(error.violations()[0].description, "must be finite");
    EXPECT_EQ(error.retry_after(), 1500ms);
    EXPECT_STREQ(error.what(), "refused (INVALID_REQUEST)");
  }
}

TEST(Client, AnErrorWithoutReadableDetailsStillHasItsCode) {
  const Error error(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff no message"));

  EXPECT_EQ(error.code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason(), "");
}

TEST(Client, AChangeIsRepeatedWithTheSameIdWhileTheServiceIsAway) {
  FakeService service;
  service.refuse({grpc::StatusCode::UNAVAILABLE, "restarting"});

  Client(service.address()).call(kReport, v1::CreateObservationRequest());

  const auto outcomes = service.outcomes();
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_NE(outcomes[0].request_id(), "");
  EXPECT_EQ(outcomes[0].request_id(), outcomes[1].request_id());
}

TEST(Client, EveryChangeGetsAnIdOfItsOwn) {
  FakeService service;
  const Client client(service.address());

  client.call(kReport, v1::CreateObservationRequest());
  client.call(kReport, v1::CreateObservationRequest());

  const auto outcomes = service.outcomes();
  EXPECT_NE(outcomes.at(0).request_id(), outcomes.at(1).request_id());
}

TEST(Client, ACallHasTheTimeOfTheSharedConfigAndWhatItMayWaitOrItsOwn) {
  FakeService service;
  const Client client(service.address());
  std::ifstream file(NEXTPOINT_SERVICE_CONFIG);
  const auto config = nlohmann::json::parse(file);
  const std::string text = config["methodConfig"][0]["timeout"];
  const std::chrono::milliseconds shared = std::chrono::seconds(std::stoi(text));
  const auto expect_close = [&](std::chrono::milliseconds limit) {
    // gRPC rounds what it tells the service.
    EXPECT_LT(service.limit(), limit + 15s);
    EXPECT_GT(service.limit(), limit - 15s);
  };

  client.call(kReport, v1::CreateObservationRequest());
  expect_close(shared);

  client.call(kReport, v1::CreateObservationRequest(), 2 * shared);
  expect_close(2 * shared);

  v1::CreateSuggestionRequest ask;
  *ask.mutable_max_wait() = TimeUtil::SecondsToDuration(1800);
  client.call(&v1::SuggestionService::Stub::CreateSuggestion, ask);
  expect_close(shared + 1800s);
  ask.mutable_max_wait()->set_seconds(-1800);
  ask.mutable_max_wait()->set_nanos(std::numeric_limits<std::int32_t>::min());
  client.call(&v1::SuggestionService::Stub::CreateSuggestion, ask);
  expect_close(shared);
  ask.mutable_max_wait()->set_seconds(std::numeric_limits<std::int64_t>::max());
  client.call(&v1::SuggestionService::Stub::CreateSuggestion, ask);
  EXPECT_GT(service.limit(), 24h);
  EXPECT_LT(service.limit(), 25h);
}

TEST(Client, AGivenTimeIsNotCut) {
  // gRPC cuts it on this side, where no service can see it.
  EXPECT_EQ(std::string(kServiceConfig).find("timeout"), std::string::npos);
}

TEST(HeldSuggestion, IsRenewedUntilItIsGivenBack) {
  FakeService service;
  const Client client(service.address());
  v1::CreateSuggestionRequest request;
  *request.mutable_lease_duration() = TimeUtil::MillisecondsToDuration(300);
  {
    const HeldSuggestion held(client, request);
    EXPECT_EQ(held->get<double>("x"), 0.5);
    for (int i = 0; i < 500 && service.renewals().size() < 2; ++i)
      std::this_thread::sleep_for(10ms);
  }

  EXPECT_GE(service.renewals().size(), 2U);
  ASSERT_EQ(service.releases().size(), 1U);
  EXPECT_EQ(service.releases()[0].attempt(), 1);
}

TEST(HeldSuggestion, IsGivenBackSoonThoughARenewalIsNotAnswered) {
  FakeService service;
  service.renew_silently();
  const Client client(service.address());
  v1::CreateSuggestionRequest request;
  // The renewal comes after a third of it, and may take as long.
  *request.mutable_lease_duration() = TimeUtil::SecondsToDuration(18);
  std::optional<HeldSuggestion> held(std::in_place, client, request);
  for (int i = 0; i < 3000 && service.renewals().empty(); ++i) std::this_thread::sleep_for(5ms);
  const auto begun = std::chrono::steady_clock::now();

  held.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_EQ(service.releases().size(), 1U);
}

TEST(HeldSuggestion, IsNotGivenBackOnceItIsReported) {
  FakeService service;
  const Client client(service.address());
  v1::CreateSuggestionRequest request;
  request.set_experiment_id("exp_1");

  HeldSuggestion(client, request).report({{"m", 1.5}});

  ASSERT_EQ(service.outcomes().size(), 1U);
  EXPECT_EQ(service.outcomes()[0].experiment_id(), "exp_1");
  EXPECT_EQ(service.outcomes()[0].suggestion_id(), "sug_1");
  EXPECT_TRUE(service.releases().empty());
}

}  // namespace
}  // namespace nextpoint
