package dev.nextpoint;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.RetryInfo;
import io.grpc.Status;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class BackoffTest {
  @Test
  void patienceBoundsWhatTheServiceAsksToWait() {
    RetryInfo.Builder retry = RetryInfo.newBuilder();
    retry.getRetryDelayBuilder().setSeconds(3600);
    NextpointException busy =
        NextpointException.from(
            FakeService.error(Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", retry.build()));

    Duration delay = Duration.ofMillis(new Backoff().millisAfter(busy));

    assertTrue(delay.compareTo(Duration.ofSeconds(299)) > 0, delay::toString);
    assertTrue(delay.compareTo(Duration.ofSeconds(301)) < 0, delay::toString);
  }
}
