#include <gtest/gtest.h>
#include <nextpoint/worker.h>

#include <cmath>
#include <future>
#include <map>
#include <stdexcept>
#include <thread>

#include "../src/backoff.h"
#include "../src/duration.h"
#include "fake_service.h"
#include "google/rpc/error_details.pb.h"

namespace nextpoint {
namespace {

using namespace std::chrono_literals;

const auto kClosed = closed(v1::STREAM_CLOSED_REASON_BUDGET_REACHED);
const grpc::Status kLost(grpc::StatusCode::UNAVAILABLE, "connection lost");

google::rpc::ErrorInfo because(const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  return info;
}

/// Asks to wait.
grpc::Status overloaded(std::chrono::seconds delay) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(delay.count());
  return failed(grpc::StatusCode::RESOURCE_EXHAUSTED, retry);
}

Values square(const Suggestion& suggestion) {
  const double x = suggestion.get<double>("x");
  return {{"m", x * x}};
}

WorkerOptions quiet() {
  WorkerOptions options;
  options.worker_id = "worker-1";
  options.warn = [](const std::string&) {};
  return options;
}

std::optional<v1::StreamClosedReason> run(const FakeService& service, const Evaluate& evaluate,
                                          const WorkerOptions& options = quiet()) {
  return run_worker(Client(service.address()), "exp_1", evaluate, options);
}

/// Runs a worker that fails, and returns why.
Error failure(const FakeService& service, const Evaluate& evaluate,
              const WorkerOptions& options = quiet()) {
  try {
    run(service, evaluate, options);
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("the worker did not fail");
}

void wait_for_streams(const FakeService& service, std::size_t count) {
  for (int i = 0; i < 1000 && service.streams().size() < count; ++i) {
    std::this_thread::sleep_for(5ms);
  }
}

TEST(Worker, ReportsWhatItMeasuredAndReturnsWhyItEnded) {
  const FakeService service({{{opened(), assigned("sug_1", 1, 3), kClosed}, grpc::Status::OK}});

  EXPECT_EQ(run(service, square), v1::STREAM_CLOSED_REASON_BUDGET_REACHED);

  ASSERT_EQ(service.outcomes().size(), 1U);
  const auto outcome = service.outcomes()[0];
  EXPECT_EQ(outcome.experiment_id(), "exp_1");
  EXPECT_EQ(outcome.suggestion_id(), "sug_1");
  EXPECT_EQ(outcome.values(0).value(), 9);
  EXPECT_TRUE(service.releases().empty());
}

TEST(Worker, ReportsAnExceptionAndWhatIsNoMeasurementAsFailed) {
  const std::vector<std::function<Values()>> evaluations{
      []() -> Values { throw std::runtime_error("it exploded"); },
      [] { return Values{{"m", NAN}}; },
      [] { return Values{{"m", 1, INFINITY}}; },
      [] { return Values{{"m", 1, -1}}; },
  };
  std::vector<v1::StreamSuggestionsResponse> events{opened()};
  for (std::size_t i = 0; i < evaluations.size(); ++i) {
    events.push_back(assigned("sug_" + std::to_string(i), 1, static_cast<double>(i)));
  }
  events.push_back(kClosed);
  const FakeService service({{events, grpc::Status::OK}});

  run(service, [&](const Suggestion& suggestion) {
    return evaluations.at(static_cast<std::size_t>(suggestion.get<double>("x")))();
  });

  ASSERT_EQ(service.outcomes().size(), evaluations.size());
  for (const auto& outcome : service.outcomes()) {
    EXPECT_TRUE(outcome.failed());
    EXPECT_EQ(outcome.values_size(), 0);
  }
}

TEST(Worker, ComesBackUnderItsNameAndIgnoresWhatItHasSeen) {
  const FakeService service(
      {{{opened(), assigned("sug_1", 1, 1)}, kLost},
       {{opened(), assigned("sug_1", 1, 1), assigned("sug_2", 1, 2), kClosed}, grpc::Status::OK}});

  // It evaluates while its stream is broken.
  run(service, [&](const Suggestion& suggestion) {
    wait_for_streams(service, 2);
    return square(suggestion);
  });

  ASSERT_EQ(service.streams().size(), 2U);
  EXPECT_EQ(service.streams()[1].worker_id(), "worker-1");
  ASSERT_EQ(service.outcomes().size(), 2U);
  EXPECT_EQ(service.outcomes()[1].suggestion_id(), "sug_2");
}

TEST(Worker, TakesSilenceForABreak) {
  const FakeService service(
      {{{opened(100)}, std::nullopt}, {{opened(), kClosed}, grpc::Status::OK}});

  EXPECT_TRUE(run(service, square));

  EXPECT_EQ(service.streams().size(), 2U);
}

TEST(Worker, ComesBackToAServiceThatHasTooMuchToDo) {
  const FakeService service({{{}, overloaded(1s)}, {{opened(), kClosed}, grpc::Status::OK}});
  const auto begun = std::chrono::steady_clock::now();

  EXPECT_TRUE(run(service, square));

  EXPECT_EQ(service.streams().size(), 2U);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s);
}

TEST(Backoff, WaitsForWhatItIsAskedToAndNoLongerThanFiveMinutes) {
  EXPECT_EQ(Backoff().delay_after(Error(overloaded(20s))), 20s);
  EXPECT_LE(Backoff().delay_after(Error(overloaded(1h))), 5min);
}

TEST(Worker, LosesAnOutcomeToTheArchiveAndEndsAsTheStreamSays) {
  const auto archived = v1::STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED;
  FakeService service({{{opened(), assigned("sug_1", 1, 1), closed(archived)}, grpc::Status::OK}});
  service.refuse(failed(grpc::StatusCode::FAILED_PRECONDITION, because("EXPERIMENT_ARCHIVED")));
  auto options = quiet();
  std::string warning;
  options.warn = [&](const std::string& text) { warning = text; };

  EXPECT_EQ(run(service, square, options), archived);

  EXPECT_EQ(warning, "the outcome of sug_1 is lost: refused (EXPERIMENT_ARCHIVED)");
  EXPECT_EQ(service.outcomes().size(), 1U);
}

TEST(Worker, DoesNotFightWhoHasItsName) {
  const FakeService service({{{opened(), assigned("sug_1", 1, 1), assigned("sug_2", 1, 2)},
                              failed(grpc::StatusCode::ABORTED, because("WORKER_REPLACED"))}});

  EXPECT_EQ(failure(service, square).reason(), "WORKER_REPLACED");

  EXPECT_EQ(service.streams().size(), 1U);
  // What it held is the other's.
  EXPECT_TRUE(service.releases().empty());
}

TEST(Worker, GivesNothingBackWhenItIsReplacedAndThenStopped) {
  const FakeService service({{{opened(), assigned("sug_1", 1, 1), assigned("sug_2", 1, 2)},
                              failed(grpc::StatusCode::ABORTED, because("WORKER_REPLACED"))}});
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;
  const auto stopped = [&](const Suggestion&) -> Values {
    // By then it knows.
    std::this_thread::sleep_for(1500ms);
    stop = true;
    throw std::runtime_error("stopped");
  };

  EXPECT_EQ(failure(service, stopped, options).reason(), "WORKER_REPLACED");

  EXPECT_TRUE(service.releases().empty());
  EXPECT_TRUE(service.renewals().empty());
}

TEST(Worker, TriesAgainWhenItIsStoppedAndTheServiceHasTooMuchToDo) {
  FakeService service({{{opened(), assigned("sug_1", 1, 1)}, {}}});
  service.refuse(overloaded(1s));
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;
  const auto stopped = [&](const Suggestion& suggestion) {
    stop = true;
    return square(suggestion);
  };

  EXPECT_EQ(run(service, stopped, options), std::nullopt);

  EXPECT_EQ(service.outcomes().size(), 2U);
}

TEST(Worker, EndsSoonThoughARenewalIsNotAnswered) {
  FakeService service({{{opened(15000, 60000), assigned("sug_1", 1, 1)}, {}}});
  service.renew_silently();
  std::atomic<bool> drain{false};
  auto options = quiet();
  options.drain = &drain;
  const auto begun = std::chrono::steady_clock::now();

  run(
      service,
      [&](const Suggestion& suggestion) {
        drain = true;
        for (int i = 0; i < 1000 && service.renewals().empty(); ++i)
          std::this_thread::sleep_for(5ms);
        return square(suggestion);
      },
      options);

  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_EQ(service.outcomes().size(), 1U);
}

TEST(Worker, ReportsWithTheSameIdUntilItIsHeard) {
  FakeService service({{{opened(), assigned("sug_1", 1, 1), kClosed}, grpc::Status::OK}});
  service.refuse({grpc::StatusCode::DEADLINE_EXCEEDED, "nobody knows"});
  service.refuse({grpc::StatusCode::CANCELLED, "the service ends"});

  EXPECT_TRUE(run(service, square));

  ASSERT_EQ(service.outcomes().size(), 3U);
  EXPECT_EQ(service.outcomes()[0].request_id(), service.outcomes()[2].request_id());
}

TEST(Worker, GivesBackWhatItHoldsWhenItIsStopped) {
  const FakeService service(
      {{{opened(), assigned("sug_1", 1, 1), assigned("sug_2", 4, 2)}, kLost}, {{opened()}, {}}});
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;

  const auto reason = run(
      service,
      [&](const Suggestion&) -> Values {
        // By then both have been received.
        wait_for_streams(service, 2);
        stop = true;
        throw std::runtime_error("broken off");
      },
      options);

  EXPECT_EQ(reason, std::nullopt);
  EXPECT_TRUE(service.outcomes().empty());
  std::map<std::string, int> attempts;
  for (const auto& each : service.releases()) attempts[each.suggestion_id()] = each.attempt();
  EXPECT_EQ(attempts, (std::map<std::string, int>{{"sug_1", 1}, {"sug_2", 4}}));
}

TEST(Worker, ReportsWhatItMeasuredWhenItIsStopped) {
  const FakeService service({{{opened(), assigned("sug_1", 1, 1)}, {}}});
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;

  run(
      service,
      [&](const Suggestion& suggestion) {
        stop = true;
        return square(suggestion);
      },
      options);

  EXPECT_EQ(service.outcomes().size(), 1U);
  EXPECT_TRUE(service.releases().empty());
}

TEST(Worker, FinishesWhatItEvaluatesUnderItsLeaseWhenItIsDrained) {
  const FakeService service(
      {{{opened(), assigned("sug_1", 4, 1), assigned("sug_2", 1, 2)}, kLost}, {{opened()}, {}}});
  std::atomic<bool> drain{false};
  auto options = quiet();
  options.drain = &drain;

  const auto reason = run(
      service,
      [&](const Suggestion& suggestion) {
        // By then both have been received.
        wait_for_streams(service, 2);
        drain = true;
        // No stream renews it any more, and what was not begun is given back at once.
        for (int i = 0; i < 1000 && (service.renewals().size() < 2 || service.releases().empty());
             ++i)
          std::this_thread::sleep_for(5ms);
        return square(suggestion);
      },
      options);

  EXPECT_EQ(reason, std::nullopt);
  ASSERT_GE(service.renewals().size(), 2U);
  ASSERT_EQ(service.renewals()[0].hand_outs_size(), 1);
  EXPECT_EQ(service.renewals()[0].hand_outs(0).attempt(), 4);
  ASSERT_EQ(service.outcomes().size(), 1U);
  EXPECT_FALSE(service.outcomes()[0].failed());
  ASSERT_EQ(service.releases().size(), 1U);
  EXPECT_EQ(service.releases()[0].suggestion_id(), "sug_2");
}

TEST(Worker, TriesAtOnceToReportWhatItMeasuredWhenItIsStoppedWhileTheServiceIsAway) {
  FakeService service({{{opened(), assigned("sug_1", 1, 1)}, {}}});
  service.refuse(overloaded(1h));
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;
  // It is told of the refusal before it waits.
  options.warn = [&](const std::string&) { stop = true; };

  EXPECT_EQ(run(service, square, options), std::nullopt);

  ASSERT_EQ(service.outcomes().size(), 2U);
  EXPECT_EQ(service.outcomes()[1].request_id(), service.outcomes()[0].request_id());
  EXPECT_TRUE(service.releases().empty());
}

TEST(Worker, SaysSoAndEndsWhenItIsStoppedWhileTheServiceStaysAway) {
  FakeService service({{{opened(), assigned("sug_1", 1, 1)}, {}}});
  service.fall_silent();
  std::atomic<bool> stop{false};
  auto options = quiet();
  options.stop = &stop;
  auto stopped = std::async(std::launch::async, [&] {
    for (int i = 0; i < 1000 && service.outcomes().empty(); ++i) std::this_thread::sleep_for(5ms);
    stop = true;
  });
  const auto begun = std::chrono::steady_clock::now();

  EXPECT_EQ(failure(service, square, options).code(), grpc::StatusCode::DEADLINE_EXCEEDED);

  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
  // Whether it arrived is not known.
  EXPECT_TRUE(service.releases().empty());
}

TEST(Worker, GivesUpAfterTooManyFailures) {
  std::vector<v1::StreamSuggestionsResponse> events{opened()};
  for (int i = 0; i < 11; ++i) events.push_back(assigned("sug_" + std::to_string(i), 1, 1));
  const FakeService service({{events, {}}});

  const auto error =
      failure(service, [](const Suggestion&) -> Values { throw std::runtime_error("exploded"); });

  EXPECT_EQ(error.reason(), "EVALUATIONS_FAILED");
  EXPECT_NE(std::string(error.what()).find("exploded"), std::string::npos);
  EXPECT_EQ(service.outcomes().size(), 10U);
  EXPECT_EQ(service.releases().size(), 1U);
}

TEST(Worker, AsksForWhatItWantsEachTime) {
  for (const auto wait : {0ms, 1500ms}) {
    const FakeService service({{{opened()}, kLost}, {{opened(), kClosed}, grpc::Status::OK}});
    auto options = quiet();
    options.concurrency = 3;
    options.max_wait = wait;

    run(service, square, options);

    ASSERT_EQ(service.streams().size(), 2U);
    for (const auto& request : service.streams()) {
      EXPECT_EQ(request.experiment_id(), "exp_1");
      EXPECT_EQ(request.worker_id(), "worker-1");
      EXPECT_EQ(request.max_outstanding(), 3);
      ASSERT_TRUE(request.has_max_wait());
      EXPECT_EQ(from_proto(request.max_wait()), wait);
    }
  }
}

TEST(Worker, LeavesTheWaitToTheService) {
  const FakeService service({{{opened(), kClosed}, grpc::Status::OK}});

  run(service, square);

  EXPECT_FALSE(service.streams().at(0).has_max_wait());
}

TEST(Worker, EvaluatesSeveralAtOnce) {
  const FakeService service(
      {{{opened(), assigned("sug_1", 1, 1), assigned("sug_2", 1, 2), kClosed}, grpc::Status::OK}});
  auto options = quiet();
  options.concurrency = 2;
  std::atomic<int> running{0};

  run(
      service,
      [&](const Suggestion& suggestion) {
        ++running;
        for (int i = 0; i < 1000 && running < 2; ++i) std::this_thread::sleep_for(5ms);
        EXPECT_EQ(running, 2);
        return square(suggestion);
      },
      options);

  EXPECT_EQ(service.streams()[0].max_outstanding(), 2);
}

}  // namespace
}  // namespace nextpoint
