package dev.nextpoint;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.stream.Collectors.partitioningBy;

import dev.nextpoint.v1.CreateObservationRequest;
import dev.nextpoint.v1.MetricValue;
import dev.nextpoint.v1.StreamClosedReason;
import dev.nextpoint.v1.StreamSuggestionsRequest;
import dev.nextpoint.v1.Suggestion;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Evaluates the suggestions of an experiment until there is no more to do.
 *
 * <p>It opens a stream, which renews its leases, and opens it anew under the same worker id when it
 * breaks off. It reports what the evaluation returns, however long the service is away up to 5
 * minutes; a throwable, or a value or standard deviation that is not finite, is a failed
 * observation.
 */
public final class Worker {
  private static final System.Logger LOGGER = System.getLogger("dev.nextpoint");

  private final NextpointClient client;
  private final String experimentId;
  private final TaskEvaluation evaluation;
  private final int parallelism;
  private final int maxConsecutiveFailures;
  private final Executor executor;
  private final SuggestionStream stream;
  private final Map<String, Held> held = new ConcurrentHashMap<>();
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Context.CancellableContext untilStopped = Context.ROOT.withCancellation();
  private int consecutiveFailures;
  private RuntimeException failure;
  private final AtomicBoolean started = new AtomicBoolean();

  /** What an evaluation came to; without a problem the outcome has values. */
  private record Evaluated(CreateObservationRequest outcome, Throwable problem) {}

  /** What is taken and neither reported nor given back. */
  private record Held(
      Suggestion suggestion, FutureTask<Evaluated> evaluation, CompletableFuture<Void> settled) {}

  private Worker(Builder builder) {
    client = builder.client;
    experimentId = builder.experimentId;
    evaluation = builder.evaluation;
    parallelism = builder.parallelism;
    maxConsecutiveFailures = builder.maxConsecutiveFailures;
    executor = builder.executor;
    stream = new SuggestionStream(client, builder.request());
  }

  /** Starts to describe a worker. */
  public static Builder builder(
      NextpointClient client, String experimentId, Evaluation evaluation) {
    return builder(client, experimentId, (assignments, task) -> evaluation.evaluate(assignments));
  }

  /** Starts to describe a worker for an experiment with tasks. */
  public static Builder builder(
      NextpointClient client, String experimentId, TaskEvaluation evaluation) {
    return new Builder(client, experimentId, evaluation);
  }

  /**
   * Evaluates until there is no more to do, once. Interrupted, it stops as by {@link #stop}.
   *
   * @return why there is no more to do; empty when it was stopped or drained
   * @throws NextpointException when the stream ended for a reason that coming back does not help,
   *     such as {@code WORKER_REPLACED}, or an outcome is not reported
   * @throws IllegalStateException when ten evaluations in a row failed; the cause is the last one;
   *     or when it was run before
   * @throws RejectedExecutionException when the executor was shut down meanwhile
   */
  public Optional<StreamClosedReason> run() throws InterruptedException {
    if (started.getAndSet(true)) {
      throw new IllegalStateException("a worker runs once: build another one");
    }
    ExecutorService own = executor == null ? newExecutor() : null;
    try {
      stream.start();
      begin(executor == null ? own : executor);
      finish();
    } finally {
      cancel();
      stream.close();
      end();
      if (own != null) {
        own.shutdownNow();
      }
      ended.countDown();
    }
    throwFailure();
    return stream.closedReason();
  }

  /**
   * Takes nothing more: {@link #run} finishes what is being evaluated, under its lease, reports it
   * and returns.
   */
  public void drain() {
    stream.stop();
  }

  /**
   * Interrupts what is being evaluated, and waits until {@link #run} has given it back and reported
   * what was measured, within 5 seconds, or throws why that is not reported. For a shutdown hook.
   */
  public void stop() {
    cancel();
    if (!started.get()) {
      return;
    }
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void begin(Executor evaluators) throws InterruptedException {
    try {
      // What an executor drops when it is shut down keeps the service from sending more.
      Runnable look = this::failIfExecutorIsTerminated;
      for (var next = stream.take(look); next.isPresent(); next = stream.take(look)) {
        begin(next.get(), evaluators);
      }
    } catch (NextpointException e) {
      fail(e);
    }
  }

  private void begin(Suggestion suggestion, Executor evaluators) {
    FutureTask<Evaluated> evaluation = new FutureTask<>(() -> evaluate(suggestion));
    CompletableFuture<Void> settled = new CompletableFuture<>();
    Held mine =
        held.merge(
            suggestion.getSuggestionId(),
            new Held(suggestion, evaluation, settled),
            // Handed out anew after a long break, while it is still evaluated here.
            (before, now) -> new Held(suggestion, before.evaluation, before.settled));
    if (mine.evaluation == evaluation) {
      evaluators.execute(
          () -> {
            try {
              evaluation.run();
              // A stop interrupts the evaluation, and not the report.
              Thread.interrupted();
              settle(suggestion, evaluation);
            } finally {
              settled.complete(null);
            }
          });
    }
    if (stopped()) {
      // The stop came before it was known here.
      evaluation.cancel(true);
    }
  }

  private void finish() throws InterruptedException {
    List<Held> left = List.copyOf(held.values());
    if (left.isEmpty() || stream.replaced()) {
      await(left);
      return;
    }
    // No stream renews them any more.
    try (LeaseRenewer leases = new LeaseRenewer(client, stream.lease())) {
      for (Held each : left) {
        LeaseRenewer.Hold hold = leases.hold(each.suggestion);
        each.settled.thenRun(hold::close);
      }
      await(left);
    }
  }

  private void await(List<Held> left) throws InterruptedException {
    for (Held each : left) {
      while (!each.settled.isDone() && !each.evaluation.isCancelled()) {
        try {
          each.settled.get(SuggestionStream.LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException stillEvaluating) {
          if (failIfExecutorIsTerminated()) {
            // It was shut down before it began this one, and will never run it.
            each.evaluation.cancel(true);
          }
        } catch (ExecutionException never) {
          throw new AssertionError(never);
        }
      }
    }
  }

  private boolean executorIsShutDown() {
    return executor instanceof ExecutorService service && service.isShutdown();
  }

  private boolean failIfExecutorIsTerminated() {
    boolean terminated = executor instanceof ExecutorService service && service.isTerminated();
    if (terminated) {
      fail(executorWasShutDown());
    }
    return terminated;
  }

  private static RejectedExecutionException executorWasShutDown() {
    return new RejectedExecutionException("the executor was shut down before the worker ended");
  }

  private boolean stopped() {
    return stopping.getCount() == 0;
  }

  private void cancel() {
    stopping.countDown();
    stream.stop();
    held.values().forEach(each -> each.evaluation.cancel(true));
    untilStopped.cancel(null);
  }

  /** Gives back what was not evaluated, while what was is reported. */
  private void end() {
    Map<Boolean, List<Held>> left =
        held.values().stream().collect(partitioningBy(each -> each.evaluation.isCancelled()));
    stream.giveBack(left.get(true).stream().map(Held::suggestion).toList());
    left.get(false).forEach(each -> each.settled.join());
  }

  /** Reports what was evaluated, and counts its failure; or gives it back. */
  private void settle(Suggestion suggestion, FutureTask<Evaluated> evaluation) {
    if (evaluation.isCancelled()) {
      return;
    }
    try {
      report(evaluation.get().outcome);
      count(evaluation.get().problem);
    } catch (InterruptedException | ExecutionException e) {
      if (!stopped()) {
        // Nobody else interrupts an evaluation.
        fail(executorWasShutDown());
      }
      stream.giveBack(List.of(suggestion));
    } catch (RuntimeException e) {
      LOGGER.log(
          WARNING,
          "outcome of {0} not reported: {1}",
          suggestion.getSuggestionId(),
          e.getMessage());
      fail(e);
      if (!stopped()) {
        // It was refused. After a stop nobody knows whether it arrived.
        stream.giveBack(List.of(suggestion));
      }
    }
    held.remove(suggestion.getSuggestionId());
  }

  private Evaluated evaluate(Suggestion suggestion) throws InterruptedException {
    CreateObservationRequest.Builder outcome =
        CreateObservationRequest.newBuilder()
            .setExperimentId(experimentId)
            .setSuggestionId(suggestion.getSuggestionId())
            .setRequestId(UUID.randomUUID().toString());
    try {
      Assignments assignments = Assignments.fromProto(suggestion.getAssignmentsMap());
      List<MetricValue> values = evaluation.evaluate(assignments, suggestion.getTask()).values();
      for (MetricValue each : values) {
        if (!Double.isFinite(each.getValue())) {
          throw new ArithmeticException(each.getName() + " is " + each.getValue());
        }
        if (each.hasValueStddev()
            && !(Double.isFinite(each.getValueStddev()) && each.getValueStddev() >= 0)) {
          throw new ArithmeticException(
              "the standard deviation of " + each.getName() + " is " + each.getValueStddev());
        }
      }
      return new Evaluated(outcome.addAllValues(values).build(), null);
    } catch (Throwable e) {
      if (e instanceof InterruptedException interrupted && (stopped() || executorIsShutDown())) {
        throw interrupted;
      }
      // Whatever it is, it is an outcome: running out of memory says something about a point.
      if (!stopped()) {
        LOGGER.log(WARNING, "evaluation of " + suggestion.getSuggestionId() + " failed", e);
      }
      return new Evaluated(outcome.setFailed(true).build(), e);
    }
  }

  /** Reports an outcome, unless its experiment was archived meanwhile. */
  private void report(CreateObservationRequest outcome) throws InterruptedException {
    try {
      reportPatiently(outcome);
    } catch (NextpointException e) {
      if (!e.reason().equals("EXPERIMENT_ARCHIVED")) {
        throw e;
      }
      // The stream says so as well, and that is how this ends.
      LOGGER.log(WARNING, "outcome of {0} is lost: {1}", outcome.getSuggestionId(), e.getMessage());
    }
  }

  /** Reports an outcome, however long the service is away: it may have cost hours. */
  private void reportPatiently(CreateObservationRequest outcome) throws InterruptedException {
    Backoff backoff = new Backoff();
    while (!stopped()) {
      try {
        untilStopped.run(() -> client.observations().createObservation(outcome));
        return;
      } catch (StatusRuntimeException e) {
        NextpointException error = NextpointException.from(e);
        if (!error.isAway() && error.code() != Status.Code.DEADLINE_EXCEEDED) {
          throw error;
        }
        LOGGER.log(WARNING, "outcome not reported, will try again: {0}", error.getMessage());
        stopping.await(backoff.millisAfter(error), TimeUnit.MILLISECONDS);
      }
    }
    reportSoon(outcome);
  }

  /** Reports for somebody who waits for the end. */
  private void reportSoon(CreateObservationRequest outcome) throws InterruptedException {
    Deadline deadline = Deadline.after(SuggestionStream.GRACE_SECONDS, TimeUnit.SECONDS);
    while (true) {
      try {
        client.observations().withDeadline(deadline).createObservation(outcome);
        return;
      } catch (StatusRuntimeException e) {
        NextpointException error = NextpointException.from(e);
        long wait = error.retryAfter().toMillis();
        if (!error.saysWhenToTryAgain() || wait > deadline.timeRemaining(TimeUnit.MILLISECONDS)) {
          throw error;
        }
        Thread.sleep(wait);
      }
    }
  }

  private synchronized void count(Throwable problem) {
    consecutiveFailures = problem == null ? 0 : consecutiveFailures + 1;
    if (consecutiveFailures >= maxConsecutiveFailures) {
      fail(
          new IllegalStateException(
              consecutiveFailures + " evaluations in a row failed, the last with " + problem,
              problem));
    }
  }

  private synchronized void fail(RuntimeException error) {
    failure = failure == null ? error : failure;
    // What is being evaluated is finished, and nothing more is taken.
    stream.stop();
  }

  private synchronized void throwFailure() {
    if (failure != null) {
      throw failure;
    }
  }

  private ExecutorService newExecutor() {
    return Executors.newFixedThreadPool(
        parallelism,
        task -> {
          Thread thread = new Thread(task, "nextpoint-evaluation");
          thread.setDaemon(true);
          return thread;
        });
  }

  /** Describes a worker. */
  public static final class Builder {
    private final NextpointClient client;
    private final String experimentId;
    private final TaskEvaluation evaluation;
    private String workerId = newWorkerId();
    private int parallelism = 1;
    private int maxConsecutiveFailures = 10;
    private Duration maxWait;
    private Executor executor;

    private Builder(NextpointClient client, String experimentId, TaskEvaluation evaluation) {
      this.client = client;
      this.experimentId = experimentId;
      this.evaluation = evaluation;
    }

    /** Who evaluates: different for every worker. By default a new id that says where it runs. */
    public Builder workerId(String workerId) {
      this.workerId = workerId;
      return this;
    }

    /** How many evaluations run at the same time. By default one. */
    public Builder parallelism(int parallelism) {
      this.parallelism = atLeastOne("parallelism", parallelism);
      return this;
    }

    /** After how many failed evaluations in a row to give up. By default ten. */
    public Builder maxConsecutiveFailures(int maxConsecutiveFailures) {
      this.maxConsecutiveFailures = atLeastOne("maxConsecutiveFailures", maxConsecutiveFailures);
      return this;
    }

    /**
     * How long a point that knows the newest observations is worth waiting for, up to an hour. By
     * default a tenth of what an evaluation takes.
     */
    public Builder maxWait(Duration maxWait) {
      if (maxWait.isNegative()) {
        throw new IllegalArgumentException("maxWait must not be negative, got " + maxWait);
      }
      this.maxWait = maxWait;
      return this;
    }

    /** What runs the evaluations. By default threads of the worker's own. */
    public Builder executor(Executor executor) {
      this.executor = executor;
      return this;
    }

    /** Returns the worker, to be run. */
    public Worker build() {
      return new Worker(this);
    }

    private StreamSuggestionsRequest request() {
      var request =
          StreamSuggestionsRequest.newBuilder()
              .setExperimentId(experimentId)
              .setWorkerId(workerId)
              .setMaxOutstanding(parallelism);
      if (maxWait != null) {
        request.getMaxWaitBuilder().setSeconds(maxWait.getSeconds()).setNanos(maxWait.getNano());
      }
      return request.build();
    }

    private static int atLeastOne(String name, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(name + " must be at least 1, got " + value);
      }
      return value;
    }

    private static String newWorkerId() {
      String host;
      try {
        host = InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException e) {
        host = "unknown";
      }
      return "%.50s-%d-%.8s".formatted(host, ProcessHandle.current().pid(), UUID.randomUUID());
    }
  }
}
