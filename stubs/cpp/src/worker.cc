#include "nextpoint/worker.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "backoff.h"
#include "duration.h"
#include "event_reader.h"
#include "unique_id.h"

namespace nextpoint {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using HandOut = std::pair<std::string, std::int32_t>;

// How long the first event may take, which says how long the next ones may.
constexpr auto kOpeningTime = 30s;

// How often to look whether the worker is to stop: a signal handler can wake nobody.
constexpr auto kLook = 50ms;

// How long a call may take for which somebody waits who wants to end.
constexpr auto kGrace = 5s;

/// Returns an id that no other worker has, and that says where this one runs.
std::string new_worker_id() {
  std::array<char, 51> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + std::to_string(getpid()) + "-" + unique_id().substr(0, 8);
}

/// Waits, and returns early when it is over.
template <class IsOver>
void pause(Clock::duration delay, const IsOver& is_over) {
  for (const auto end = Clock::now() + delay; Clock::now() < end && !is_over();) {
    std::this_thread::sleep_for(kLook);
  }
}

/// Throws for what the service takes from nobody, so that it is a failure.
void check(const Values& values) {
  for (const auto& [name, value, stddev] : values) {
    if (!std::isfinite(value)) {
      throw std::domain_error("the value of '" + name + "' is " + std::to_string(value));
    }
    if (stddev && !(std::isfinite(*stddev) && *stddev >= 0)) {
      throw std::domain_error("the standard deviation of '" + name + "' is " +
                              std::to_string(*stddev));
    }
  }
}

/// One run of a worker: a thread that receives, and those that evaluate.
class Run {
 public:
  Run(const Client& client, const std::string& experiment_id, const Evaluate& evaluate,
      const WorkerOptions& options)
      : client_(client), evaluate_(evaluate), options_(options) {
    request_.set_experiment_id(experiment_id);
    request_.set_worker_id(options.worker_id.empty() ? new_worker_id() : options.worker_id);
    request_.set_max_outstanding(std::max(1, options.concurrency));
    if (options.max_wait) *request_.mutable_max_wait() = to_proto(*options.max_wait);
  }

  std::optional<v1::StreamClosedReason> run() {
    std::vector<std::future<void>> others;
    const auto start = [&](void (Run::*work)()) {
      others.push_back(std::async(std::launch::async,
                                  [this, work] { guarded([this, work] { (this->*work)(); }); }));
    };
    guarded([&] {
      others.push_back(std::async(std::launch::async, [this] {
        guarded([this] { receive(); });
        keep();
      }));
      for (int i = 1; i < request_.max_outstanding(); ++i) start(&Run::evaluate_all);
      evaluate_all();
    });
    for (auto& each : others) each.wait();
    give_back(held_);
    if (error_) std::rethrow_exception(error_);
    return reason_;
  }

 private:
  /// Does one thread's part of the work. All of it is over when one part is.
  template <class Work>
  void guarded(const Work& work) {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    finished_ = true;
    changed_.notify_all();
  }

  bool stopping() const { return options_.stop && *options_.stop; }

  bool finished() {
    const std::lock_guard lock(mutex_);
    return finished_ || stopping() || (options_.drain && *options_.drain);
  }

  void warn(const std::string& text) const {
    if (options_.warn) {
      options_.warn(text);
    } else {
      std::cerr << "nextpoint: " + text + "\n";
    }
  }

  void receive() {
    Backoff backoff;
    bool answered = false;
    while (!finished()) {
      try {
        receive_until_break([&] {
          answered = true;
          backoff = {};
        });
      } catch (const Error& error) {
        replaced_ = error.reason() == "WORKER_REPLACED";
        // A service that asks to wait is there.
        answered = answered || error.retry_after() > 0ms;
        // One that never answered is somewhere else, and its user wants to know.
        if (!answered || !is_away(error)) throw;
        const auto delay = backoff.delay_after(error);
        warn(std::string("the stream broke off, opening it anew: ") + error.what());
        pause(delay, [this] { return finished(); });
      }
    }
  }

  /// Returns when there is no more to do.
  void receive_until_break(const std::function<void()>& opened) {
    EventReader reader(client_.stub<v1::SuggestionService::Stub>(), request_);
    Clock::duration silence = kOpeningTime;
    auto heard = Clock::now();
    while (!finished()) {
      if (!reader.wait(kLook)) {
        if (Clock::now() - heard < silence) continue;
        throw Error(grpc::StatusCode::UNAVAILABLE, "nothing heard on the stream");
      }
      heard = Clock::now();
      auto event = reader.take();
      if (event.has_opened()) {
        opened();
        const auto interval = from_proto(event.opened().heartbeat_interval());
        if (interval > 0ms) silence = 2 * interval;
        const auto lease = from_proto(event.opened().lease_duration());
        if (lease > 0ms) lease_ = lease;
      } else if (event.has_assigned()) {
        assign(Suggestion(std::move(*event.mutable_assigned()->mutable_suggestion())));
      } else if (event.has_closed()) {
        const std::lock_guard lock(mutex_);
        reason_ = event.closed().reason();
        finished_ = true;
      }
    }
  }

  void assign(Suggestion suggestion) {
    const auto& id = suggestion.message.suggestion_id();
    const auto attempt = suggestion.message.attempt();
    const std::lock_guard lock(mutex_);
    if (!seen_.emplace(id, attempt).second) return;
    // After a long break it may be handed out anew while it is still evaluated here.
    const bool held = !held_.insert_or_assign(id, attempt).second;
    if (held) return;
    received_.push_back(std::move(suggestion));
    changed_.notify_one();
  }

  /// Returns what to evaluate next; nothing when it is over.
  std::optional<Suggestion> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_ || !received_.empty(); });
    if (finished_ || stopping()) return std::nullopt;
    Suggestion suggestion = std::move(received_.front());
    received_.pop_front();
    ++evaluating_;
    return suggestion;
  }

  /// Gives back what was not begun, and renews leases, which no stream does any more.
  void keep() {
    if (replaced_) return;
    std::unique_lock lock(mutex_);
    std::map<std::string, std::int32_t> unbegun;
    for (const auto& each : received_) {
      unbegun.insert(held_.extract(each.message.suggestion_id()));
    }
    received_.clear();
    lock.unlock();
    give_back(unbegun);
    lock.lock();
    const auto over = [this] { return evaluating_ == 0; };
    for (auto delay = 0ms; !changed_.wait_for(lock, delay, over);) {
      v1::RenewLeasesRequest request;
      for (const auto& [suggestion_id, attempt] : held_) {
        auto& hand_out = *request.add_hand_outs();
        hand_out.set_suggestion_id(suggestion_id);
        hand_out.set_attempt(attempt);
      }
      *request.mutable_lease_duration() = to_proto(lease_);
      lock.unlock();
      delay = lease_ / 3;
      try {
        call_unless(&v1::SuggestionService::Stub::RenewLeases, request, lease_ / 3, [&] {
          const std::lock_guard looking(mutex_);
          return over();
        });
      } catch (const Error&) {
        // There is time for more attempts before the leases run out.
        delay = lease_ / 12;
      }
      lock.lock();
    }
  }

  struct Evaluating {
    Run& run;
    ~Evaluating() {
      const std::lock_guard lock(run.mutex_);
      --run.evaluating_;
      run.changed_.notify_all();
    }
  };

  void evaluate_all() {
    while (const auto suggestion = take()) {
      const Evaluating evaluating{*this};
      v1::CreateObservationRequest outcome;
      outcome.set_experiment_id(request_.experiment_id());
      outcome.set_request_id(unique_id());
      outcome.set_suggestion_id(suggestion->message.suggestion_id());
      std::string failure;
      try {
        const Values values = evaluate_(*suggestion);
        check(values);
        *outcome.mutable_values() = to_proto(values);
      } catch (const std::exception& error) {
        outcome.set_failed(true);
        failure = error.what();
      } catch (...) {
        outcome.set_failed(true);
        failure = "it threw what is no std::exception";
      }
      // It was told to stop, so that this says nothing about the point.
      if (outcome.failed() && stopping()) return give_back(forget(outcome.suggestion_id()));
      if (outcome.failed()) warn("an evaluation failed: " + failure);
      report(outcome);
      settle(outcome, failure);
    }
  }

  /// Reports an outcome, unless the experiment was archived, as the stream says to end the worker.
  void report(const v1::CreateObservationRequest& outcome) {
    try {
      report_patiently(outcome);
    } catch (const Error& error) {
      const bool lost = error.reason() == "EXPERIMENT_ARCHIVED";
      warn("the outcome of " + outcome.suggestion_id() +
           (lost ? " is lost: " : " is not reported: ") + error.what());
      if (!lost) throw;
    }
  }

  /// Reports an outcome, however long the service is away: it may have cost hours.
  void report_patiently(const v1::CreateObservationRequest& outcome) {
    for (Backoff backoff; !stopping();) {
      try {
        call_unless(&v1::ObservationService::Stub::CreateObservation, outcome, std::nullopt,
                    [this] { return stopping(); });
        return;
      } catch (const Error& error) {
        if (stopping()) break;
        const bool unsure = error.code() == grpc::StatusCode::DEADLINE_EXCEEDED;
        if (!(is_away(error) || unsure)) throw;
        const auto delay = backoff.delay_after(error);
        warn(std::string("an outcome is not reported, trying again: ") + error.what());
        pause(delay, [this] { return stopping(); });
      }
    }
    report_soon(outcome);
  }

  /// Makes one call, and breaks it off when it is over.
  template <class Method, class Request, class IsOver>
  void call_unless(Method method, const Request& request,
                   std::optional<std::chrono::milliseconds> timeout, const IsOver& is_over) const {
    grpc::ClientContext context;
    auto call =
        std::async(std::launch::async, [&] { client_.call(method, request, context, timeout); });
    while (call.wait_for(kLook) == std::future_status::timeout) {
      if (is_over()) context.TryCancel();
    }
    call.get();
  }

  /// Reports for somebody who waits for the end.
  void report_soon(const v1::CreateObservationRequest& outcome) {
    // Should it fail, nobody knows whether it arrived, so that it is not given back either.
    forget(outcome.suggestion_id());
    const auto end = Clock::now() + kGrace;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      try {
        client_.call(&v1::ObservationService::Stub::CreateObservation, outcome, left);
        return;
      } catch (const Error& error) {
        const auto wait = error.retry_after();
        if (wait <= 0ms || Clock::now() + wait >= end) throw;
        std::this_thread::sleep_for(wait);
      }
    }
  }

  /// Ends the hold on a suggestion whose outcome is reported.
  void settle(const v1::CreateObservationRequest& outcome, const std::string& failure) {
    const std::lock_guard lock(mutex_);
    held_.erase(outcome.suggestion_id());
    failures_ = outcome.failed() ? failures_ + 1 : 0;
    if (outcome.failed() && failures_ >= options_.max_failures) {
      throw Error(grpc::StatusCode::ABORTED,
                  std::to_string(failures_) + " evaluations in a row failed, the last: " + failure,
                  "EVALUATIONS_FAILED");
    }
  }

  /// Ends the hold on a suggestion, and returns it.
  std::map<std::string, std::int32_t> forget(const std::string& suggestion_id) {
    std::map<std::string, std::int32_t> forgotten;
    const std::lock_guard lock(mutex_);
    forgotten.insert(held_.extract(suggestion_id));
    return forgotten;
  }

  void give_back(const std::map<std::string, std::int32_t>& attempts) const {
    // Whoever has this worker's id now holds the same, under the same attempts.
    if (replaced_) return;
    // One deadline for all of them: who stops should not wait for a service that is away.
    const auto end = Clock::now() + kGrace;
    for (const auto& [suggestion_id, attempt] : attempts) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      if (left <= 0ms) return;
      v1::ReleaseSuggestionRequest request;
      request.set_suggestion_id(suggestion_id);
      request.set_attempt(attempt);
      try {
        client_.call(&v1::SuggestionService::Stub::ReleaseSuggestion, request, left);
      } catch (const Error&) {
        // One whose lease is lost is another worker's already, and every other lease runs out.
      }
    }
  }

  const Client& client_;
  const Evaluate& evaluate_;
  const WorkerOptions& options_;
  v1::StreamSuggestionsRequest request_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Suggestion> received_;
  std::set<HandOut> seen_;
  // The newest attempt of each suggestion that is neither reported nor given back.
  std::map<std::string, std::int32_t> held_;
  // Of how many what came of them is neither reported nor given back.
  int evaluating_ = 0;
  int failures_ = 0;
  bool finished_ = false;
  // Whether another stream has the worker's id, and with it what the worker held.
  std::atomic<bool> replaced_ = false;
  std::chrono::milliseconds lease_ = 60s;
  std::optional<v1::StreamClosedReason> reason_;
  std::exception_ptr error_;
};

}  // namespace

std::optional<v1::StreamClosedReason> run_worker(const Client& client,
                                                 const std::string& experiment_id,
                                                 const Evaluate& evaluate,
                                                 const WorkerOptions& options) {
  return Run(client, experiment_id, evaluate, options).run();
}

}  // namespace nextpoint
