package dev.nextpoint;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import dev.nextpoint.v1.CreateObservationRequest;
import dev.nextpoint.v1.CreateObservationResponse;
import dev.nextpoint.v1.CreateSuggestionRequest;
import dev.nextpoint.v1.CreateSuggestionResponse;
import dev.nextpoint.v1.ObservationServiceGrpc.ObservationServiceImplBase;
import dev.nextpoint.v1.ParameterValue;
import dev.nextpoint.v1.ReleaseSuggestionRequest;
import dev.nextpoint.v1.ReleaseSuggestionResponse;
import dev.nextpoint.v1.RenewLeasesRequest;
import dev.nextpoint.v1.RenewLeasesResponse;
import dev.nextpoint.v1.StreamClosedReason;
import dev.nextpoint.v1.StreamSuggestionsRequest;
import dev.nextpoint.v1.StreamSuggestionsResponse;
import dev.nextpoint.v1.Suggestion;
import dev.nextpoint.v1.SuggestionServiceGrpc.SuggestionServiceImplBase;
import io.grpc.Context;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** A service that does as it is told: the next stream as the next script says. */
final class FakeService implements AutoCloseable {
  private static final double HEARTBEAT_SECONDS = 60;

  final BlockingQueue<StreamSuggestionsRequest> streams = new LinkedBlockingQueue<>();
  final BlockingQueue<CreateObservationRequest> observations = new LinkedBlockingQueue<>();
  final BlockingQueue<ReleaseSuggestionRequest> releases = new LinkedBlockingQueue<>();
  final BlockingQueue<RenewLeasesRequest> renewals = new LinkedBlockingQueue<>();

  /** How much time the last call that asks for a suggestion, or reports, was given. */
  volatile java.time.Duration limit;

  /** Whether reports are left without an answer. */
  volatile boolean silent;

  /** What the next reports are refused with. */
  final Queue<Throwable> refusals = new ConcurrentLinkedQueue<>();

  private final Queue<Consumer<StreamObserver<StreamSuggestionsResponse>>> scripts =
      new ConcurrentLinkedQueue<>();
  private final Server server;

  FakeService() {
    try {
      server =
          InProcessServerBuilder.forName(InProcessServerBuilder.generateName())
              .addService(new Suggestions())
              .addService(new Observations())
              .build()
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  NextpointClient connect() {
    String name = server.getListenSockets().get(0).toString();
    return NextpointClient.connect(InProcessChannelBuilder.forName(name));
  }

  /** The next stream opens, says these events, and ends so. */
  void nextStream(
      Consumer<StreamObserver<StreamSuggestionsResponse>> end,
      StreamSuggestionsResponse... events) {
    nextStream(HEARTBEAT_SECONDS, end, events);
  }

  void nextStream(
      double heartbeatSeconds,
      Consumer<StreamObserver<StreamSuggestionsResponse>> end,
      StreamSuggestionsResponse... events) {
    scripts.add(
        stream -> {
          stream.onNext(opened(heartbeatSeconds));
          List.of(events).forEach(stream::onNext);
          end.accept(stream);
        });
  }

  private static StreamSuggestionsResponse opened(double heartbeatSeconds) {
    StreamSuggestionsResponse.Builder event = StreamSuggestionsResponse.newBuilder();
    Duration.Builder interval = event.getOpenedBuilder().getHeartbeatIntervalBuilder();
    event.getOpenedBuilder().getLeaseDurationBuilder().setSeconds(1);
    interval.setSeconds((long) heartbeatSeconds);
    interval.setNanos((int) (heartbeatSeconds % 1 * 1e9));
    return event.build();
  }

  static StreamSuggestionsResponse assigned(String suggestionId, int attempt) {
    StreamSuggestionsResponse.Builder event = StreamSuggestionsResponse.newBuilder();
    event.getAssignedBuilder().setSuggestion(suggestion(suggestionId, attempt));
    return event.build();
  }

  static Suggestion suggestion(String suggestionId, int attempt) {
    return Suggestion.newBuilder()
        .setSuggestionId(suggestionId)
        .setAttempt(attempt)
        .putAssignments("x", ParameterValue.newBuilder().setDoubleValue(0.5).build())
        .build();
  }

  static Consumer<StreamObserver<StreamSuggestionsResponse>> closed(StreamClosedReason reason) {
    return stream -> {
      StreamSuggestionsResponse.Builder event = StreamSuggestionsResponse.newBuilder();
      event.getClosedBuilder().setReason(reason);
      stream.onNext(event.build());
      stream.onCompleted();
    };
  }

  static Consumer<StreamObserver<StreamSuggestionsResponse>> broken(
      Status.Code code, String reason, Message... details) {
    return stream -> stream.onError(error(code, reason, details));
  }

  static Consumer<StreamObserver<StreamSuggestionsResponse>> open() {
    return stream -> {};
  }

  static StatusRuntimeException error(Status.Code code, String reason, Message... details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("so it is");
    status.addDetails(
        Any.pack(
            ErrorInfo.newBuilder()
                .setReason(reason)
                .setDomain("nextpoint")
                .putMetadata("key", "value")
                .build()));
    for (Message each : details) {
      status.addDetails(Any.pack(each));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private final class Suggestions extends SuggestionServiceImplBase {
    @Override
    public void streamSuggestions(
        StreamSuggestionsRequest request, StreamObserver<StreamSuggestionsResponse> stream) {
      streams.add(request);
      scripts.remove().accept(stream);
    }

    @Override
    public void createSuggestion(
        CreateSuggestionRequest request, StreamObserver<CreateSuggestionResponse> answer) {
      timed();
      answer(answer, CreateSuggestionResponse.getDefaultInstance());
    }

    @Override
    public void releaseSuggestion(
        ReleaseSuggestionRequest request, StreamObserver<ReleaseSuggestionResponse> answer) {
      releases.add(request);
      answer(answer, ReleaseSuggestionResponse.getDefaultInstance());
    }

    @Override
    public void renewLeases(
        RenewLeasesRequest request, StreamObserver<RenewLeasesResponse> answer) {
      renewals.add(request);
      answer(answer, RenewLeasesResponse.getDefaultInstance());
    }
  }

  private final class Observations extends ObservationServiceImplBase {
    @Override
    public void createObservation(
        CreateObservationRequest request, StreamObserver<CreateObservationResponse> answer) {
      timed();
      // Before anybody hears of the call, and makes the next one.
      Throwable refusal = refusals.poll();
      observations.add(request);
      if (silent) {
        return;
      }
      if (refusal != null) {
        answer.onError(refusal);
        return;
      }
      answer(answer, CreateObservationResponse.getDefaultInstance());
    }
  }

  private void timed() {
    limit =
        java.time.Duration.ofMillis(Context.current().getDeadline().timeRemaining(MILLISECONDS));
  }

  private static <T> void answer(StreamObserver<T> observer, T response) {
    observer.onNext(response);
    observer.onCompleted();
  }
}
