package dev.nextpoint;

import static dev.nextpoint.FakeService.error;
import static dev.nextpoint.FakeService.suggestion;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import dev.nextpoint.NextpointException.FieldViolation;
import dev.nextpoint.v1.CreateObservationRequest;
import dev.nextpoint.v1.CreateSuggestionRequest;
import dev.nextpoint.v1.HandOut;
import dev.nextpoint.v1.ParameterValue;
import dev.nextpoint.v1.RenewLeasesRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class NextpointClientTest {
  private final FakeService service = new FakeService();
  private final NextpointClient client = service.connect();

  @AfterEach
  void close() {
    client.close();
    service.close();
  }

  @Test
  void everyChangeHasAnId() {
    client.observations().createObservation(CreateObservationRequest.getDefaultInstance());
    client
        .observations()
        .createObservation(CreateObservationRequest.newBuilder().setRequestId("mine").build());

    assertFalse(service.observations.remove().getRequestId().isEmpty());
    assertEquals("mine", service.observations.remove().getRequestId());
  }

  @Test
  void anInterceptorMayTouchACallBeforeItsMessage() {
    ClientInterceptor compressing =
        new ClientInterceptor() {
          @Override
          public <Q, A> ClientCall<Q, A> interceptCall(
              MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
              @Override
              public void start(Listener<A> listener, Metadata headers) {
                super.start(listener, headers);
                setMessageCompression(true);
                assertTrue(isReady());
                assertNotNull(getAttributes());
              }
            };
          }
        };

    client
        .observations()
        .withInterceptors(compressing)
        .createObservation(CreateObservationRequest.getDefaultInstance());

    assertEquals(1, service.observations.size());
  }

  @Test
  void aCallHasTheDeadlineOfTheSharedConfigAndWhatItMayWaitOrItsOwn() throws Exception {
    Duration shared;
    try (var text =
        new InputStreamReader(
            NextpointClient.class.getResourceAsStream("service_config.json"), UTF_8)) {
      shared =
          Duration.parse(
              "PT"
                  + JsonParser.parseReader(text)
                      .getAsJsonObject()
                      .getAsJsonArray("methodConfig")
                      .get(0)
                      .getAsJsonObject()
                      .get("timeout")
                      .getAsString());
    }
    var ask = CreateSuggestionRequest.newBuilder();
    ask.getMaxWaitBuilder().setSeconds(1800);
    var report = CreateObservationRequest.getDefaultInstance();

    client.observations().createObservation(report);
    assertClose(shared);
    client
        .observations()
        .withDeadlineAfter(shared.multipliedBy(2).toMillis(), MILLISECONDS)
        .createObservation(report);
    assertClose(shared.multipliedBy(2));
    client.suggestions().createSuggestion(ask.build());
    assertClose(shared.plusSeconds(1800));
    ask.getMaxWaitBuilder().setSeconds(-1800).setNanos(Integer.MIN_VALUE);
    client.suggestions().createSuggestion(ask.build());
    assertClose(shared);
    ask.getMaxWaitBuilder().setSeconds(Long.MAX_VALUE);
    client.suggestions().createSuggestion(ask.build());
    assertClose(shared.plusDays(1));
  }

  private void assertClose(Duration limit) {
    assertTrue(
        service.limit.compareTo(limit) <= 0 && service.limit.compareTo(limit.minusSeconds(15)) > 0,
        () -> "a call was given " + service.limit + ", want " + limit);
  }

  @Test
  void anErrorSaysWhatTheServiceSaid() {
    BadRequest.Builder violations = BadRequest.newBuilder();
    violations.addFieldViolationsBuilder().setField("values[0].value").setDescription("is wrong");
    RetryInfo.Builder retry = RetryInfo.newBuilder();
    retry.getRetryDelayBuilder().setSeconds(2);
    service.refusals.add(
        error(Status.Code.INVALID_ARGUMENT, "INVALID_REQUEST", violations.build(), retry.build()));

    NextpointException error =
        NextpointException.from(
            assertThrows(
                StatusRuntimeException.class,
                () ->
                    client
                        .observations()
                        .createObservation(CreateObservationRequest.getDefaultInstance())));

    assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
    assertEquals("INVALID_REQUEST", error.reason());
    assertEquals("INVALID_REQUEST: so it is", error.getMessage());
    assertEquals(Map.of("key", "value"), error.metadata());
    assertEquals(List.of(new FieldViolation("values[0].value", "is wrong")), error.violations());
    assertEquals(Duration.ofSeconds(2), error.retryAfter());
  }

  @Test
  void anErrorWithUnreadableDetailsKeepsItsCode() {
    Metadata trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
        new byte[] {(byte) 0xff});

    NextpointException error =
        NextpointException.from(
            Status.UNAVAILABLE.withDescription("no route").asRuntimeException(trailers));

    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertEquals("", error.reason());
    assertEquals("UNAVAILABLE: no route", error.getMessage());
  }

  @Test
  void whatIsHeldIsRenewed() throws Exception {
    try (LeaseRenewer leases = new LeaseRenewer(client, Duration.ofSeconds(12))) {
      leases.hold(suggestion("sug_1", 1)).close();
      leases.hold(suggestion("sug_2", 2));

      // Each at once, and then all that is still held.
      assertEquals("sug_1", service.renewals.take().getHandOuts(0).getSuggestionId());
      for (int i = 0; i < 2; i++) {
        RenewLeasesRequest renewal = service.renewals.take();
        assertEquals(
            List.of(HandOut.newBuilder().setSuggestionId("sug_2").setAttempt(2).build()),
            renewal.getHandOutsList());
        assertEquals(Durations.fromSeconds(12), renewal.getLeaseDuration());
      }
    }
  }

  @Test
  void assignmentsAreTypedAndComeBackAsTheyWere() {
    Map<String, ParameterValue> proto =
        Map.of(
            "lr", ParameterValue.newBuilder().setDoubleValue(0.5).build(),
            "n", ParameterValue.newBuilder().setIntValue(3).build(),
            "color", ParameterValue.newBuilder().setStringValue("red").build(),
            "flag", ParameterValue.newBuilder().setBoolValue(true).build());

    Map<String, ParameterValue> later = new HashMap<>(proto);
    later.put("of a later contract", ParameterValue.getDefaultInstance());
    Assignments assignments = Assignments.fromProto(later);

    assertEquals(Map.of("lr", 0.5, "n", 3L, "color", "red", "flag", true), assignments.values());
    assertEquals(0.5, assignments.getDouble("lr"));
    assertEquals(3, assignments.getInt("n"));
    assertEquals("red", assignments.getString("color"));
    assertEquals(true, assignments.getBoolean("flag"));
    assertEquals(proto, assignments.toProto());
    assertThrows(NoSuchElementException.class, () -> assignments.getDouble("rate"));
    assertThrows(ClassCastException.class, () -> assignments.getLong("lr"));
  }
}
