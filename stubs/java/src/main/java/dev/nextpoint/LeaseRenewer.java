package dev.nextpoint;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.nextpoint.v1.HandOut;
import dev.nextpoint.v1.RenewLeasesRequest;
import dev.nextpoint.v1.RenewLeasesResponse;
import dev.nextpoint.v1.Suggestion;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/**
 * Renews the leases of what {@code CreateSuggestion} handed out, on a thread of its own. An open
 * stream renews by itself.
 */
public final class LeaseRenewer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger("dev.nextpoint");

  // What the contract takes in one call.
  private static final int MAX_HAND_OUTS = 1000;

  private final NextpointClient client;
  private final Duration lease;
  private final Set<HandOut> held = ConcurrentHashMap.newKeySet();
  private final ScheduledExecutorService renewal =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "nextpoint-leases");
            thread.setDaemon(true);
            return thread;
          });

  /** Renews leases for 60 seconds at a time. */
  public LeaseRenewer(NextpointClient client) {
    this(client, Duration.ofSeconds(60));
  }

  /**
   * Renews leases for so long at a time.
   *
   * @param lease as in the requests for the suggestions
   */
  public LeaseRenewer(NextpointClient client, Duration lease) {
    this.client = client;
    this.lease = lease;
    // Several renewals may fail before a lease runs out.
    long interval = lease.dividedBy(6).toMillis();
    renewal.scheduleWithFixedDelay(this::renew, interval, interval, MILLISECONDS);
  }

  /**
   * Holds a suggestion until what this returns is closed. It is renewed at once, however short the
   * lease is that it came with.
   *
   * <pre>{@code
   * try (var hold = leases.hold(suggestion)) {
   *   // evaluate, report
   * }
   * }</pre>
   */
  public Hold hold(Suggestion suggestion) {
    HandOut handOut =
        HandOut.newBuilder()
            .setSuggestionId(suggestion.getSuggestionId())
            .setAttempt(suggestion.getAttempt())
            .build();
    held.add(handOut);
    renewal.execute(() -> renew(List.of(handOut)));
    return () -> held.remove(handOut);
  }

  /** A lease that is being renewed. */
  @FunctionalInterface
  public interface Hold extends AutoCloseable {
    /** Renews it no more. It stays held until its lease runs out. */
    @Override
    void close();
  }

  /** Renews nothing more. */
  @Override
  public void close() {
    renewal.shutdownNow();
  }

  private void renew() {
    List<HandOut> all = new ArrayList<>(held);
    for (int start = 0; start < all.size(); start += MAX_HAND_OUTS) {
      renew(all.subList(start, Math.min(start + MAX_HAND_OUTS, all.size())));
    }
  }

  private void renew(List<HandOut> some) {
    RenewLeasesRequest.Builder request = RenewLeasesRequest.newBuilder().addAllHandOuts(some);
    request.getLeaseDurationBuilder().setSeconds(lease.getSeconds()).setNanos(lease.getNano());
    try {
      RenewLeasesResponse response =
          client
              .suggestions()
              .withDeadlineAfter(lease.dividedBy(3).toMillis(), MILLISECONDS)
              .renewLeases(request.build());
      for (HandOut lost : response.getLostList()) {
        // Its outcome is still accepted, so this is nothing to throw.
        if (held.remove(lost)) {
          LOGGER.log(INFO, "lease of {0} lost", lost.getSuggestionId());
        }
      }
    } catch (StatusRuntimeException e) {
      LOGGER.log(DEBUG, "leases not renewed, will try again", e);
    }
  }
}
