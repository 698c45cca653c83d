package dev.nextpoint;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Delays that grow, with jitter, so that workers do not come back all at once. */
final class Backoff {
  private static final long FIRST_MILLIS = 200;
  private static final long MAX_MILLIS = 10_000;

  // For how long a worker that worked waits for its service to come back.
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private long millis;
  private Long giveUpAt;

  Backoff() {
    reset();
  }

  /** Starts anew, because the service answered. */
  void reset() {
    millis = FIRST_MILLIS;
    giveUpAt = null;
  }

  /** Returns how long to wait before the next try, or throws the error when that was enough. */
  long millisAfter(NextpointException error) {
    long now = System.nanoTime();
    if (giveUpAt == null) {
      // A stream may have worked for days before it breaks off.
      giveUpAt = now + PATIENCE.toNanos();
    } else if (now - giveUpAt >= 0) {
      throw error;
    }
    // Rounded up, so that the try after the longest wait is the last one.
    long left = Duration.ofNanos(giveUpAt - now).toMillis() + 1;
    long delay = ThreadLocalRandom.current().nextLong(millis + 1);
    millis = Math.min(2 * millis, MAX_MILLIS);
    return Math.min(Math.max(delay, error.retryAfter().toMillis()), left);
  }
}
