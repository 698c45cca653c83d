package dev.nextpoint;

import static dev.nextpoint.FakeService.assigned;
import static dev.nextpoint.FakeService.broken;
import static dev.nextpoint.FakeService.closed;
import static dev.nextpoint.FakeService.error;
import static dev.nextpoint.FakeService.open;
import static dev.nextpoint.v1.StreamClosedReason.STREAM_CLOSED_REASON_BUDGET_REACHED;
import static dev.nextpoint.v1.StreamClosedReason.STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.util.Durations;
import com.google.rpc.RetryInfo;
import dev.nextpoint.v1.CreateObservationRequest;
import dev.nextpoint.v1.ReleaseSuggestionRequest;
import dev.nextpoint.v1.StreamClosedReason;
import dev.nextpoint.v1.StreamSuggestionsRequest;
import dev.nextpoint.v1.StreamSuggestionsResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class WorkerTest {
  private final FakeService service = new FakeService();
  private final NextpointClient client = service.connect();
  private final ExecutorService background = Executors.newCachedThreadPool();

  @AfterEach
  void close() {
    background.shutdownNow();
    client.close();
    service.close();
  }

  @Test
  void reportsOutcomesUntilTheStreamIsClosed() throws Exception {
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1));

    Optional<StreamClosedReason> reason =
        worker(assignments -> Outcome.of("m", assignments.getDouble("x"), 0.1)).run();

    CreateObservationRequest observation = service.observations.remove();
    assertEquals(Optional.of(STREAM_CLOSED_REASON_BUDGET_REACHED), reason);
    assertEquals("sug_1", observation.getSuggestionId());
    assertEquals(Outcome.of("m", 0.5, 0.1).values(), observation.getValuesList());
    assertFalse(observation.getFailed());
    assertTrue(service.releases.isEmpty());
  }

  @Test
  void opensABrokenStreamAnewAndIgnoresWhatItHasSeen() throws Exception {
    service.nextStream(broken(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"), assigned("sug_1", 1));
    // Ends without saying why.
    service.nextStream(stream -> stream.onCompleted(), assigned("sug_1", 1));
    service.nextStream(
        closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1), assigned("sug_2", 1));

    worker(assignments -> Outcome.of("m", 1)).run();

    assertEquals(
        List.of("worker-1", "worker-1", "worker-1"),
        service.streams.stream().map(each -> each.getWorkerId()).toList());
    assertEquals(
        List.of("sug_1", "sug_2"),
        service.observations.stream().map(each -> each.getSuggestionId()).toList());
  }

  @Test
  void opensASilentStreamAnew() throws Exception {
    service.nextStream(0.05, open());
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED));

    worker(assignments -> Outcome.of("m", 1)).run();

    assertEquals(2, service.streams.size());
  }

  @Test
  void neverComesBackWhenItIsReplaced() {
    service.nextStream(broken(Status.Code.ABORTED, "WORKER_REPLACED"));

    Worker worker = worker(assignments -> Outcome.of("m", 1));
    NextpointException error = assertThrows(NextpointException.class, worker::run);

    assertEquals("WORKER_REPLACED", error.reason());
    assertEquals(1, service.streams.size());
  }

  @Test
  void givesNothingBackThatItsReplacementHolds() {
    service.nextStream(
        broken(Status.Code.ABORTED, "WORKER_REPLACED"), assigned("sug_1", 1), assigned("sug_2", 1));

    try (SuggestionStream stream = SuggestionStream.open(client, request("worker-1", 2).build())) {
      assertThrows(
          NextpointException.class,
          () -> {
            for (int i = 0; i < 3; i++) {
              stream.take();
            }
          });
    }

    assertTrue(service.releases.isEmpty());
  }

  @Test
  void reportsWhateverTheEvaluationThrowsAsAFailure() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    service.nextStream(
        closed(STREAM_CLOSED_REASON_BUDGET_REACHED),
        assigned("sug_1", 1),
        assigned("sug_2", 1),
        assigned("sug_3", 1));

    worker(
            assignments ->
                switch (calls.incrementAndGet()) {
                  case 1 -> throw new IllegalStateException("diverged");
                  case 2 -> throw new OutOfMemoryError("diverged");
                  default -> Outcome.of("m", Double.NaN);
                })
        .run();

    assertEquals(3, service.observations.size());
    for (CreateObservationRequest each : service.observations) {
      assertTrue(each.getFailed());
      assertEquals(0, each.getValuesCount());
    }
  }

  @Test
  void reportsAStandardDeviationThatIsNoneAsAFailure() throws Exception {
    service.nextStream(
        closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1), assigned("sug_2", 1));
    AtomicInteger calls = new AtomicInteger();

    worker(assignments -> Outcome.of("m", 1, calls.incrementAndGet() == 1 ? Double.NaN : -1)).run();

    assertEquals(2, service.observations.size());
    assertTrue(service.observations.stream().allMatch(each -> each.getFailed()));
  }

  @Test
  void anEvaluationThatWasInterruptedByItselfIsAFailure() throws Exception {
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1));

    Optional<StreamClosedReason> reason =
        worker(
                assignments -> {
                  throw new InterruptedException("by a watchdog");
                })
            .run();

    assertEquals(Optional.of(STREAM_CLOSED_REASON_BUDGET_REACHED), reason);
    assertTrue(service.observations.remove().getFailed());
  }

  @Test
  void endsWithAnErrorWhenItsExecutorIsShutDown() throws Exception {
    CountDownLatch evaluating = new CountDownLatch(1);
    CountDownLatch given = new CountDownLatch(2);
    ExecutorService one = oneThread(given);
    service.nextStream(open(), assigned("sug_1", 1), assigned("sug_2", 1));
    Worker worker =
        Worker.builder(client, "exp_1", endless(evaluating)).parallelism(2).executor(one).build();
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    evaluating.await();
    given.await();

    // One is interrupted, the other one never begins.
    one.shutdownNow();

    ExecutionException ended = assertThrows(ExecutionException.class, running::get);
    assertInstanceOf(RejectedExecutionException.class, ended.getCause());
    assertTrue(service.observations.isEmpty());
    assertEquals(
        List.of("sug_1 1", "sug_2 1"),
        service.releases.stream().map(WorkerTest::handOut).sorted().toList());
  }

  @Test
  void endsWithAnErrorWhenItsExecutorDropsAllItHas() throws Exception {
    CountDownLatch given = new CountDownLatch(2);
    ExecutorService busy = oneThread(given);
    busy.execute(
        () -> {
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException shutDown) {
            // Somebody else's.
          }
        });
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker =
        Worker.builder(client, "exp_1", assignments -> Outcome.of("m", 1)).executor(busy).build();
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    given.await();

    // The stream stays open, and the service sends nothing more while this one is held.
    busy.shutdownNow();

    ExecutionException ended = assertThrows(ExecutionException.class, running::get);
    assertInstanceOf(RejectedExecutionException.class, ended.getCause());
    assertEquals("sug_1 1", handOut(service.releases.remove()));
  }

  /** Returns an executor that counts what it was given. */
  private static ExecutorService oneThread(CountDownLatch given) {
    return new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()) {
      @Override
      public void execute(Runnable task) {
        super.execute(task);
        given.countDown();
      }
    };
  }

  @Test
  void runsOnce() throws Exception {
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED));
    Worker worker = worker(assignments -> Outcome.of("m", 1));
    worker.run();

    IllegalStateException error = assertThrows(IllegalStateException.class, worker::run);

    assertTrue(error.getMessage().contains("runs once"), error::getMessage);
  }

  @Test
  void asksForWhatItWantsEachTime() throws Exception {
    for (Duration wait : List.of(Duration.ZERO, Duration.ofMillis(1500))) {
      service.nextStream(broken(Status.Code.UNAVAILABLE, ""));
      service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED));

      Worker.builder(client, "exp_1", assignments -> Outcome.of("m", 1))
          .workerId("worker-1")
          .parallelism(3)
          .maxWait(wait)
          .build()
          .run();

      var wanted = request("worker-1", 3).setMaxWait(Durations.fromMillis(wait.toMillis())).build();
      assertEquals(wanted, service.streams.remove());
      assertEquals(wanted, service.streams.remove());
    }
  }

  @Test
  void leavesToTheServiceWhatAPointIsWorth() throws Exception {
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED));

    worker(assignments -> Outcome.of("m", 1)).run();

    assertFalse(service.streams.remove().hasMaxWait());
  }

  private static StreamSuggestionsRequest.Builder request(String workerId, int maxOutstanding) {
    return StreamSuggestionsRequest.newBuilder()
        .setExperimentId("exp_1")
        .setWorkerId(workerId)
        .setMaxOutstanding(maxOutstanding);
  }

  @Test
  void refusesCountsBelowOneAndWaitsBelowZero() {
    Worker.Builder builder = Worker.builder(client, "exp_1", assignments -> Outcome.of("m", 1));

    assertThrows(IllegalArgumentException.class, () -> builder.parallelism(0));
    assertThrows(IllegalArgumentException.class, () -> builder.maxConsecutiveFailures(0));
    assertThrows(IllegalArgumentException.class, () -> builder.maxWait(Duration.ofNanos(-1)));
  }

  @Test
  void triesAgainWhenTheServiceSaysThatThatHelps() throws Exception {
    RetryInfo.Builder soon = RetryInfo.newBuilder();
    soon.getRetryDelayBuilder().setNanos(1_000_000);
    service.nextStream(broken(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", soon.build()));
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1));
    service.refusals.add(error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", soon.build()));

    worker(assignments -> Outcome.of("m", 1)).run();

    assertEquals(2, service.observations.size());
    assertTrue(service.releases.isEmpty());
  }

  @Test
  void endsAsTheStreamSaysWhenItsExperimentIsArchived() throws Exception {
    service.nextStream(closed(STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED), assigned("sug_1", 1));
    service.refusals.add(error(Status.Code.FAILED_PRECONDITION, "EXPERIMENT_ARCHIVED"));

    assertEquals(
        Optional.of(STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED),
        worker(assignments -> Outcome.of("m", 1)).run());
  }

  @Test
  void givesUpAfterTooManyFailuresInARow() {
    service.nextStream(
        open(),
        IntStream.range(0, 11)
            .mapToObj(i -> assigned("sug_" + i, 1))
            .toArray(StreamSuggestionsResponse[]::new));
    IllegalArgumentException cause = new IllegalArgumentException("never works");

    Worker worker =
        worker(
            assignments -> {
              throw cause;
            });
    IllegalStateException error = assertThrows(IllegalStateException.class, worker::run);

    assertSame(cause, error.getCause());
  }

  @Test
  void reportsUnderTheSameRequestIdWhileTheServiceIsAway() throws Exception {
    // gRPC makes five attempts, the worker the sixth.
    for (int i = 0; i < 5; i++) {
      service.refusals.add(error(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
    }
    service.nextStream(closed(STREAM_CLOSED_REASON_BUDGET_REACHED), assigned("sug_1", 1));

    worker(assignments -> Outcome.of("m", 1)).run();

    assertEquals(6, service.observations.size());
    assertEquals(
        1, service.observations.stream().map(each -> each.getRequestId()).distinct().count());
  }

  @Test
  void endsWithTheErrorOfARefusedOutcome() {
    service.refusals.add(error(Status.Code.INVALID_ARGUMENT, "INVALID_REQUEST"));
    service.nextStream(open(), assigned("sug_1", 1));

    Worker worker = worker(assignments -> Outcome.of("unknown", 1));
    NextpointException error = assertThrows(NextpointException.class, worker::run);

    assertEquals("INVALID_REQUEST", error.reason());
    assertEquals("sug_1", service.releases.remove().getSuggestionId());
  }

  @Test
  void stopGivesBackWhatIsHeld() throws Exception {
    CountDownLatch evaluating = new CountDownLatch(2);
    service.nextStream(open(), assigned("sug_1", 3), assigned("sug_2", 1));
    Worker worker = Worker.builder(client, "exp_1", endless(evaluating)).parallelism(2).build();
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    evaluating.await();

    worker.stop();

    assertEquals(Optional.empty(), running.get());
    assertTrue(service.observations.isEmpty());
    assertEquals(
        List.of("sug_1 3", "sug_2 1"),
        service.releases.stream().map(WorkerTest::handOut).sorted().toList());
  }

  @Test
  void interruptedItGivesBackWhatItHolds() throws Exception {
    CountDownLatch evaluating = new CountDownLatch(1);
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker = worker(endless(evaluating));
    Future<InterruptedException> running =
        background.submit(() -> assertThrows(InterruptedException.class, worker::run));
    evaluating.await();

    background.shutdownNow();

    running.get();
    assertEquals("sug_1 1", handOut(service.releases.remove()));
  }

  @Test
  void drainReportsWhatIsBeingEvaluated() throws Exception {
    CountDownLatch evaluating = new CountDownLatch(1);
    CountDownLatch drained = new CountDownLatch(1);
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker =
        worker(
            assignments -> {
              evaluating.countDown();
              drained.await();
              return Outcome.of("m", 1);
            });
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    evaluating.await();

    worker.drain();
    // No stream renews it any more.
    assertEquals("sug_1", service.renewals.take().getHandOuts(0).getSuggestionId());
    drained.countDown();

    assertEquals(Optional.empty(), running.get());
    assertEquals("sug_1", service.observations.remove().getSuggestionId());
    assertTrue(service.releases.isEmpty());
  }

  @Test
  void stoppedWhileTheServiceIsAwayItTriesAtOnceToReportWhatWasMeasured() throws Exception {
    service.refusals.add(away());
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker = worker(assignments -> Outcome.of("m", 1));
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    String id = service.observations.take().getRequestId();

    worker.stop();

    assertEquals(Optional.empty(), running.get());
    assertEquals(id, service.observations.remove().getRequestId());
    assertTrue(service.releases.isEmpty());
  }

  @Test
  void stoppedItTriesAgainWhenTheServiceSaysThatThatHelps() throws Exception {
    RetryInfo.Builder soon = RetryInfo.newBuilder();
    soon.getRetryDelayBuilder().setNanos(1_000_000);
    service.refusals.add(away());
    service.refusals.add(error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", soon.build()));

    assertEquals(Optional.empty(), stoppedAfterTheFirstRefusal());
    assertEquals(2, service.observations.size());
  }

  @Test
  void stoppedItDoesNotFailWhenItsExperimentIsArchived() throws Exception {
    service.refusals.add(away());
    service.refusals.add(error(Status.Code.FAILED_PRECONDITION, "EXPERIMENT_ARCHIVED"));

    assertEquals(Optional.empty(), stoppedAfterTheFirstRefusal());
  }

  @Test
  void stoppedWhileTheServiceStaysAwayItSaysSoAndEnds() throws Exception {
    service.silent = true;
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker = worker(assignments -> Outcome.of("m", 1));
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    service.observations.take();
    long begun = System.nanoTime();

    worker.stop();

    ExecutionException ended = assertThrows(ExecutionException.class, running::get);
    assertInstanceOf(NextpointException.class, ended.getCause());
    // Whether it arrived is not known.
    assertTrue(service.releases.isEmpty());
    assertTrue(System.nanoTime() - begun < 30_000_000_000L);
  }

  private Optional<StreamClosedReason> stoppedAfterTheFirstRefusal() throws Exception {
    service.nextStream(open(), assigned("sug_1", 1));
    Worker worker = worker(assignments -> Outcome.of("m", 1));
    Future<Optional<StreamClosedReason>> running = background.submit(worker::run);
    service.observations.take();
    worker.stop();
    return running.get();
  }

  private static StatusRuntimeException away() {
    RetryInfo.Builder retry = RetryInfo.newBuilder();
    retry.getRetryDelayBuilder().setSeconds(3600);
    return error(Status.Code.DEADLINE_EXCEEDED, "", retry.build());
  }

  private Worker worker(Evaluation evaluation) {
    return Worker.builder(client, "exp_1", evaluation).workerId("worker-1").build();
  }

  /** Says that it has begun, and never ends by itself. */
  private static Evaluation endless(CountDownLatch evaluating) {
    return assignments -> {
      evaluating.countDown();
      new CountDownLatch(1).await();
      return Outcome.of("m", 1);
    };
  }

  private static String handOut(ReleaseSuggestionRequest request) {
    return request.getSuggestionId() + " " + request.getAttempt();
  }
}
