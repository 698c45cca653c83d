package dev.nextpoint;

import dev.nextpoint.v1.StreamClosedReason;
import java.util.concurrent.atomic.AtomicInteger;

/** One worker of a mixed fleet: x in, (x - 0.3)^2 out. */
final class Fleet {
  public static void main(String[] arguments) throws InterruptedException {
    AtomicInteger evaluated = new AtomicInteger();
    try (NextpointClient client = NextpointClient.connect(arguments[0])) {
      Worker worker =
          Worker.builder(
                  client,
                  arguments[1],
                  assignments -> {
                    Thread.sleep(20);
                    evaluated.incrementAndGet();
                    return Outcome.of("m", Math.pow(assignments.getDouble("x") - 0.3, 2));
                  })
              .workerId(arguments[2])
              .build();
      StreamClosedReason reason = worker.run().orElseThrow();
      System.out.printf(
          "{\"evaluated\": %d, \"reason\": \"%s\"}%n",
          evaluated.get(), reason.name().substring("STREAM_CLOSED_REASON_".length()));
    }
  }

  private Fleet() {}
}
