package dev.nextpoint;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import dev.nextpoint.v1.ReleaseSuggestionRequest;
import dev.nextpoint.v1.StreamClosedReason;
import dev.nextpoint.v1.StreamSuggestionsRequest;
import dev.nextpoint.v1.StreamSuggestionsResponse;
import dev.nextpoint.v1.Suggestion;
import dev.nextpoint.v1.SuggestionServiceGrpc;
import dev.nextpoint.v1.SuggestionServiceGrpc.SuggestionServiceBlockingStub;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The suggestions to one worker, received on a thread of its own.
 *
 * <p>Receiving never waits for an evaluation, so that a break is noticed and mended while one runs,
 * and the leases live. What is received and not taken is bounded by {@code max_outstanding}. Most
 * users want a {@link Worker}, which reports outcomes as well.
 */
public final class SuggestionStream implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger("dev.nextpoint");

  // How long the first event may take, which says how long the next ones may.
  private static final Duration OPENING = Duration.ofSeconds(30);

  // How long a call may take for which somebody waits who wants to end.
  static final long GRACE_SECONDS = 5;

  // How often to look whether what is waited for can still come.
  static final long LOOK_MILLIS = 200;

  private final NextpointClient client;
  private final StreamSuggestionsRequest request;
  private final Thread receiver = new Thread(this::receive, "nextpoint-stream");
  // Empty after the last one.
  private final BlockingQueue<Optional<Suggestion>> inbox = new LinkedBlockingQueue<>();
  private final Set<HandOut> seen = new HashSet<>();
  private boolean worked;
  private volatile Duration lease = Duration.ofSeconds(60);
  private volatile boolean stopped;
  private volatile StreamClosedReason closedReason;
  private volatile RuntimeException failure;

  private record HandOut(String suggestionId, int attempt) {}

  SuggestionStream(NextpointClient client, StreamSuggestionsRequest request) {
    this.client = client;
    this.request = request;
    receiver.setDaemon(true);
  }

  /**
   * Opens a stream.
   *
   * @param request what is wanted; its worker id is the same when the worker comes back, and
   *     different for every worker
   */
  public static SuggestionStream open(NextpointClient client, StreamSuggestionsRequest request) {
    SuggestionStream stream = new SuggestionStream(client, request);
    stream.start();
    return stream;
  }

  void start() {
    receiver.start();
  }

  /**
   * Waits for the next suggestion. Empty means that there is no more to do, or that the stream was
   * closed here.
   *
   * @throws NextpointException when the stream ended for another reason
   */
  public Optional<Suggestion> take() throws InterruptedException {
    return unlessFailed(inbox.take());
  }

  /** As {@link #take()}, and looks now and then whether waiting still makes sense. */
  Optional<Suggestion> take(Runnable look) throws InterruptedException {
    Optional<Suggestion> next = inbox.poll(LOOK_MILLIS, MILLISECONDS);
    while (next == null) {
      look.run();
      next = inbox.poll(LOOK_MILLIS, MILLISECONDS);
    }
    return unlessFailed(next);
  }

  private Optional<Suggestion> unlessFailed(Optional<Suggestion> next) {
    if (next.isEmpty()) {
      // Everyone who takes learns that it has ended.
      inbox.add(next);
      if (failure != null) {
        throw failure;
      }
    }
    return next;
  }

  /** Why there is no more to do; empty unless the service said so. */
  public Optional<StreamClosedReason> closedReason() {
    return Optional.ofNullable(closedReason);
  }

  /** How long what was taken stays the worker's once the stream has ended. */
  Duration lease() {
    return lease;
  }

  /** Whether another stream has the worker's id, and with it what this one held. */
  boolean replaced() {
    return failure instanceof NextpointException error && error.reason().equals("WORKER_REPLACED");
  }

  /** Receives nothing more. */
  void stop() {
    stopped = true;
    receiver.interrupt();
  }

  /**
   * Ends the stream and gives back what was received and not taken. What was taken stays yours
   * until its lease ends.
   */
  @Override
  public void close() {
    stop();
    boolean interrupted = Thread.interrupted();
    try {
      receiver.join();
    } catch (InterruptedException e) {
      interrupted = true;
    }
    List<Optional<Suggestion>> left = new ArrayList<>();
    inbox.drainTo(left);
    giveBack(left.stream().flatMap(Optional::stream).toList());
    inbox.add(Optional.empty());
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Gives these to the next worker where that is possible, soon: whoever waits wants to end. */
  void giveBack(Collection<Suggestion> suggestions) {
    if (replaced()) {
      return;
    }
    // One deadline for all of them.
    SuggestionServiceBlockingStub stub =
        client.suggestions().withDeadlineAfter(GRACE_SECONDS, TimeUnit.SECONDS);
    for (Suggestion each : suggestions) {
      try {
        stub.releaseSuggestion(
            ReleaseSuggestionRequest.newBuilder()
                .setSuggestionId(each.getSuggestionId())
                .setAttempt(each.getAttempt())
                .build());
      } catch (StatusRuntimeException e) {
        // One whose lease is lost is another worker's already, and every other lease runs out.
        LOGGER.log(System.Logger.Level.DEBUG, "suggestion not given back", e);
      }
    }
  }

  private void receive() {
    try {
      closedReason = receiveOverBreaks();
    } catch (InterruptedException e) {
      // Nobody but `stop` knows this thread.
    } catch (RuntimeException e) {
      failure = e;
    } finally {
      inbox.add(Optional.empty());
    }
  }

  private StreamClosedReason receiveOverBreaks() throws InterruptedException {
    Backoff backoff = new Backoff();
    while (!stopped) {
      try {
        return receiveUntilBreak(backoff);
      } catch (NextpointException e) {
        // A service that never answered is somewhere else, and its user wants to know.
        if (!(worked ? e.isAway() : e.saysWhenToTryAgain())) {
          throw e;
        }
        LOGGER.log(WARNING, "stream broke off, opening it anew: {0}", e.getMessage());
        Thread.sleep(backoff.millisAfter(e));
      }
    }
    throw new InterruptedException();
  }

  private StreamClosedReason receiveUntilBreak(Backoff backoff) throws InterruptedException {
    try (Context.CancellableContext call = Context.ROOT.withCancellation()) {
      Events events = new Events();
      call.run(
          () -> SuggestionServiceGrpc.newStub(client.channel()).streamSuggestions(request, events));
      Duration silence = OPENING;
      while (true) {
        StreamSuggestionsResponse event = events.next(silence);
        switch (event.getEventCase()) {
          case OPENED -> {
            worked = true;
            backoff.reset();
            var interval = event.getOpened().getHeartbeatInterval();
            if (interval.getSeconds() > 0 || interval.getNanos() > 0) {
              silence =
                  Duration.ofSeconds(interval.getSeconds(), interval.getNanos()).multipliedBy(2);
            }
            var duration = event.getOpened().getLeaseDuration();
            if (duration.getSeconds() > 0) {
              lease = Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
            }
          }
          case ASSIGNED -> receive(event.getAssigned().getSuggestion());
          case CLOSED -> {
            return event.getClosed().getReason();
          }
          default -> {
            // A heartbeat, or an event that this client does not know: both break the silence.
          }
        }
      }
    }
  }

  private void receive(Suggestion suggestion) {
    if (seen.add(new HandOut(suggestion.getSuggestionId(), suggestion.getAttempt()))) {
      inbox.add(Optional.of(suggestion));
    }
  }

  /** What was heard on one call and is not read yet. */
  private static final class Events implements StreamObserver<StreamSuggestionsResponse> {
    private final BlockingQueue<Supplier<StreamSuggestionsResponse>> heard =
        new LinkedBlockingQueue<>();

    @Override
    public void onNext(StreamSuggestionsResponse event) {
      heard.add(() -> event);
    }

    @Override
    public void onError(Throwable error) {
      heard.add(
          () -> {
            throw NextpointException.from(error);
          });
    }

    @Override
    public void onCompleted() {
      onError(broken("the stream ended without saying why"));
    }

    StreamSuggestionsResponse next(Duration silence) throws InterruptedException {
      Supplier<StreamSuggestionsResponse> next = heard.poll(silence.toNanos(), NANOSECONDS);
      if (next == null) {
        throw NextpointException.from(
            broken("nothing heard on the stream for %d ms".formatted(silence.toMillis())));
      }
      return next.get();
    }

    private static StatusRuntimeException broken(String how) {
      return Status.UNAVAILABLE.withDescription(how).asRuntimeException();
    }
  }
}
