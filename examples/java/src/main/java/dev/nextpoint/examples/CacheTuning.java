package dev.nextpoint.examples;

import dev.nextpoint.Assignments;
import dev.nextpoint.NextpointClient;
import dev.nextpoint.Outcome;
import dev.nextpoint.Worker;
import dev.nextpoint.v1.Bounds;
import dev.nextpoint.v1.CreateExperimentRequest;
import dev.nextpoint.v1.ListBestAssignmentsRequest;
import dev.nextpoint.v1.Metric;
import dev.nextpoint.v1.MetricObjective;
import dev.nextpoint.v1.MetricValue;
import dev.nextpoint.v1.Parameter;
import dev.nextpoint.v1.ParameterTransformation;
import dev.nextpoint.v1.ParameterType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Tunes a cache under a skewed stream of keys: hit rate against the time of a lookup. */
public final class CacheTuning {
  private static final Assignments DEFAULT =
      new Assignments(Map.of("size", 8192L, "segments", 16L, "sample", 5L));

  private static final int KEYS = 200_000;
  private static final int LOOKUPS = 1_000_000;
  private static final int THREADS = 2;

  // The logarithm of a key is uniform, as in Zipf's law: a few keys make most of the lookups.
  private static final int[] STREAM =
      new Random(1).doubles(LOOKUPS).mapToInt(u -> (int) Math.pow(KEYS, u)).toArray();

  private final ExecutorService threads;

  private CacheTuning(ExecutorService threads) {
    this.threads = threads;
  }

  public static void main(String[] arguments) throws Exception {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try (NextpointClient client = NextpointClient.connect(address)) {
      CacheTuning tuning = new CacheTuning(threads);
      // What the first evaluation pays for compilation is no property of its parameters.
      tuning.measure(DEFAULT);
      String experimentId = create(client);
      Worker.builder(client, experimentId, tuning::measure).build().run();

      System.out.println("default  " + described(DEFAULT, tuning.measure(DEFAULT).values()));
      ListBestAssignmentsRequest request =
          ListBestAssignmentsRequest.newBuilder().setExperimentId(experimentId).build();
      for (var best : client.analysis().listBestAssignments(request).getBestAssignmentsList()) {
        var observation = best.getObservation();
        Assignments assignments = Assignments.fromProto(observation.getAssignmentsMap());
        System.out.println("best     " + described(assignments, observation.getValuesList()));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static String create(NextpointClient client) {
    return client
        .experiments()
        .createExperiment(
            CreateExperimentRequest.newBuilder()
                .setName("Cache")
                .addParameters(logarithmic("size", 512, 32768))
                .addParameters(logarithmic("segments", 1, 64))
                .addParameters(logarithmic("sample", 1, 32))
                .addMetrics(Metric.newBuilder().setName("hit rate"))
                .addMetrics(
                    Metric.newBuilder()
                        .setName("nanoseconds")
                        .setObjective(MetricObjective.METRIC_OBJECTIVE_MINIMIZE))
                .setBudget(25)
                .build())
        .getExperiment()
        .getExperimentId();
  }

  private static Parameter logarithmic(String name, int min, int max) {
    return Parameter.newBuilder()
        .setName(name)
        .setType(ParameterType.PARAMETER_TYPE_INT)
        .setBounds(Bounds.newBuilder().setMin(min).setMax(max))
        .setTransformation(ParameterTransformation.PARAMETER_TRANSFORMATION_LOG)
        .build();
  }

  private Outcome measure(Assignments assignments) throws Exception {
    SampledCache cache =
        new SampledCache(
            assignments.getInt("size"),
            assignments.getInt("segments"),
            assignments.getInt("sample"));
    // Once to fill the cache, once to measure.
    lookUp(cache);
    long start = System.nanoTime();
    int hits = lookUp(cache);
    double nanoseconds = System.nanoTime() - start;
    return Outcome.of("hit rate", (double) hits / LOOKUPS)
        .and("nanoseconds", nanoseconds / LOOKUPS);
  }

  private int lookUp(SampledCache cache) throws Exception {
    List<Future<Integer>> parts = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      int first = thread;
      parts.add(threads.submit(() -> lookUp(cache, first)));
    }
    int hits = 0;
    for (Future<Integer> part : parts) {
      hits += part.get();
    }
    return hits;
  }

  private static int lookUp(SampledCache cache, int first) {
    int hits = 0;
    for (int i = first; i < LOOKUPS; i += THREADS) {
      hits += cache.get(STREAM[i]) ? 1 : 0;
    }
    return hits;
  }

  private static String described(Assignments assignments, List<MetricValue> values) {
    return "size %5d, segments %2d, sample %2d: hit rate %.3f, %4.0f ns"
        .formatted(
            assignments.getInt("size"),
            assignments.getInt("segments"),
            assignments.getInt("sample"),
            values.get(0).getValue(),
            values.get(1).getValue());
  }
}
