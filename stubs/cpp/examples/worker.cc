// Evaluates the suggestions of an experiment with a double parameter x and a metric m, until there
// are no more.
//
//     worker HOST:PORT EXPERIMENT_ID WORKER_ID

#include <nextpoint/worker.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

namespace {

std::atomic<bool> stop{false};

std::string name_of(nextpoint::v1::StreamClosedReason reason) {
  const std::string prefix = "STREAM_CLOSED_REASON_";
  return nextpoint::v1::StreamClosedReason_Name(reason).substr(prefix.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: worker HOST:PORT EXPERIMENT_ID WORKER_ID\n";
    return 2;
  }
  std::signal(SIGINT, [](int) { stop = true; });
  nextpoint::WorkerOptions options;
  options.worker_id = argv[3];
  options.stop = &stop;

  int evaluated = 0;
  const auto evaluate = [&](const nextpoint::Suggestion& suggestion) -> nextpoint::Values {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ++evaluated;
    const double x = suggestion.get<double>("x");
    return {{"m", (x - 0.3) * (x - 0.3)}};
  };
  try {
    const nextpoint::Client client(argv[1]);
    const auto reason = nextpoint::run_worker(client, argv[2], evaluate, options);
    std::cout << R"({"evaluated": )" << evaluated << R"(, "reason": ")"
              << (reason ? name_of(*reason) : "STOPPED") << "\"}\n";
  } catch (const nextpoint::Error& error) {
    std::cerr << "worker: " << error.what() << "\n";
    return 1;
  }
}
