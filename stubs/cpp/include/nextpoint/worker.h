#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "nextpoint/client.h"
#include "nextpoint/point.h"

namespace nextpoint {

/// Measures one suggestion. Whatever it throws is a failed observation, which the search learns
/// from; a value or standard deviation that is not finite, or a negative one, is one as well.
using Evaluate = std::function<Values(const Suggestion&)>;

struct WorkerOptions {
  /// The worker's own, and no other's in the experiment. Empty: a new one.
  std::string worker_id;
  /// How many suggestions to evaluate at the same time: one by the thread that runs the worker, the
  /// others by threads of their own.
  int concurrency = 1;
  /// How many evaluations in a row may fail before the worker gives up.
  int max_failures = 10;
  /// How long a point that knows the newest observations is worth waiting for, up to an hour.
  /// Absent: a tenth of what an evaluation takes.
  std::optional<std::chrono::milliseconds> max_wait;
  /// Stops the worker once it is true: it takes nothing more and ends soon. A signal handler may
  /// set it, and an evaluation look at it, and throw.
  const std::atomic<bool>* stop = nullptr;
  /// Drains the worker once it is true: it takes nothing more, and ends when what it evaluates is
  /// finished and reported. A signal handler may set it.
  const std::atomic<bool>* drain = nullptr;
  /// Told of what went wrong and was dealt with, by any of the worker's threads. Absent: stderr.
  std::function<void(const std::string&)> warn;
};

/// Evaluates the suggestions of an experiment until the service says that there is no more to do,
/// and returns why; nothing when it was stopped or drained.
///
/// A stream that breaks is opened anew, while evaluations go on, and outcomes are reported as soon
/// as the service is back. The worker gives up after five minutes without the service, and within
/// half a minute where it never answered.
///
/// A worker that is stopped waits for the evaluations that run, which may look at the same flag. It
/// gives back what they did not measure, still reports what they did, and ends within 5 seconds of
/// the last.
///
/// Throws Error when the service refuses or an outcome is not reported, with reason
/// `WORKER_REPLACED` when another worker came with the same id, and with reason
/// `EVALUATIONS_FAILED` after too many failures.
std::optional<v1::StreamClosedReason> run_worker(const Client& client,
                                                 const std::string& experiment_id,
                                                 const Evaluate& evaluate,
                                                 const WorkerOptions& options = {});

}  // namespace nextpoint
