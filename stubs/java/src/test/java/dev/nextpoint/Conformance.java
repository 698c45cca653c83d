package dev.nextpoint;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.nextpoint.NextpointException.FieldViolation;
import dev.nextpoint.v1.ArchiveExperimentRequest;
import dev.nextpoint.v1.BatchCreateObservationsRequest;
import dev.nextpoint.v1.CreateExperimentRequest;
import dev.nextpoint.v1.CreateObservationRequest;
import dev.nextpoint.v1.CreateSuggestionRequest;
import dev.nextpoint.v1.Experiment;
import dev.nextpoint.v1.ExperimentState;
import dev.nextpoint.v1.GetExperimentRequest;
import dev.nextpoint.v1.ListBestAssignmentsRequest;
import dev.nextpoint.v1.MetadataValue;
import dev.nextpoint.v1.Metric;
import dev.nextpoint.v1.MetricValue;
import dev.nextpoint.v1.Observation;
import dev.nextpoint.v1.Parameter;
import dev.nextpoint.v1.Progress;
import dev.nextpoint.v1.QueueSuggestionRequest;
import dev.nextpoint.v1.StreamSuggestionsRequest;
import dev.nextpoint.v1.Suggestion;
import dev.nextpoint.v1.UpdateExperimentRequest;
import dev.nextpoint.v1.UpdateObservationRequest;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/** Plays the scenario that every language plays, and prints its transcript. */
final class Conformance {
  private final NextpointClient client;
  private final JsonObject scenario;

  private Conformance(NextpointClient client, JsonObject scenario) {
    this.client = client;
    this.scenario = scenario;
  }

  public static void main(String[] arguments) throws Exception {
    JsonObject scenario =
        JsonParser.parseString(Files.readString(Path.of(arguments[1]))).getAsJsonObject();
    try (NextpointClient client = NextpointClient.connect(arguments[0])) {
      System.out.println(new Gson().toJson(new Conformance(client, scenario).play()));
    }
  }

  private Map<String, Object> play() throws Exception {
    Map<String, Object> transcript = new LinkedHashMap<>();
    Experiment experiment = create(scenario.get("experiment"));
    String id = experiment.getExperimentId();
    transcript.put("created", described(experiment));
    transcript.put("refused", refusals());
    transcript.put("stream", streamed(id));
    transcript.put("batch", batched(id));
    transcript.put("updated", updated(id));
    transcript.put("progress", progressed(id));
    transcript.put("best", best(id));
    transcript.put("archived", archived(id));
    return transcript;
  }

  private Experiment create(JsonElement definition) throws InvalidProtocolBufferException {
    CreateExperimentRequest.Builder request = CreateExperimentRequest.newBuilder();
    return client
        .experiments()
        .createExperiment(merged(definition, request).build())
        .getExperiment();
  }

  private static Map<String, Object> described(Experiment experiment) {
    Map<String, Object> metadata = new TreeMap<>();
    experiment.getMetadataMap().forEach((key, value) -> metadata.put(key, plain(value)));
    return Map.of(
        "name",
        experiment.getName(),
        "project",
        experiment.getProject(),
        "parameters",
        experiment.getParametersList().stream().map(Parameter::getName).toList(),
        "metrics",
        experiment.getMetricsList().stream().map(Metric::getName).toList(),
        "budget",
        experiment.getBudget(),
        "tags",
        List.copyOf(experiment.getTagsList()),
        "metadata",
        metadata,
        "grid",
        experiment.getParameters(2).getGridList(),
        "state",
        word(experiment.getState()));
  }

  private List<Map<String, Object>> refusals() throws InvalidProtocolBufferException {
    List<Map<String, Object>> refusals = new ArrayList<>();
    for (JsonElement definition : scenario.getAsJsonArray("refused")) {
      try {
        create(definition);
        throw new AssertionError("the definition was accepted");
      } catch (StatusRuntimeException e) {
        NextpointException refusal = NextpointException.from(e);
        List<String> fields =
            refusal.violations().stream().map(FieldViolation::field).sorted().toList();
        refusals.add(Map.of("reason", refusal.reason(), "fields", fields));
      }
    }
    return refusals;
  }

  /** Queues the points and evaluates them with two workers, of which one drops its stream once. */
  private Map<String, Object> streamed(String experimentId) throws Exception {
    Map<Double, JsonElement> outcomes = new TreeMap<>();
    for (JsonElement each : scenario.getAsJsonArray("points")) {
      QueueSuggestionRequest.Builder request = QueueSuggestionRequest.newBuilder();
      JsonObject assignments = new JsonObject();
      assignments.add("assignments", each.getAsJsonObject().get("assignments"));
      client
          .suggestions()
          .queueSuggestion(merged(assignments, request.setExperimentId(experimentId)).build());
      outcomes.put(
          request.getAssignmentsOrThrow("x").getDoubleValue(),
          each.getAsJsonObject().get("values"));
    }
    Evaluator evaluator = new Evaluator(experimentId, outcomes);
    // Before the other worker begins, which might leave nothing.
    Suggestion dropped = evaluator.firstOfDroppedStream("worker-2");
    ExecutorService background = Executors.newSingleThreadExecutor();
    try {
      Future<Optional<Suggestion>> other = background.submit(() -> evaluator.work("worker-1"));
      Optional<Suggestion> first = evaluator.work("worker-2");
      other.get();
      List<Boolean> resumed = first.stream().map(each -> sameHandOut(dropped, each)).toList();
      return Map.of("evaluated", evaluator.evaluated, "resumed", resumed);
    } finally {
      background.shutdownNow();
    }
  }

  private final class Evaluator {
    private final String experimentId;
    private final Map<Double, JsonElement> outcomes;
    private final ConcurrentSkipListSet<Double> evaluated = new ConcurrentSkipListSet<>();

    Evaluator(String experimentId, Map<Double, JsonElement> outcomes) {
      this.experimentId = experimentId;
      this.outcomes = outcomes;
    }

    Suggestion firstOfDroppedStream(String workerId) throws InterruptedException {
      try (SuggestionStream stream = open(workerId)) {
        return stream.take().orElseThrow();
      }
    }

    /** Evaluates until there is no more to do, and returns what came first. */
    Optional<Suggestion> work(String workerId) throws InterruptedException {
      try (SuggestionStream stream = open(workerId)) {
        Optional<Suggestion> first = stream.take();
        for (var next = first; next.isPresent(); next = stream.take()) {
          report(next.get());
        }
        return first;
      }
    }

    private SuggestionStream open(String workerId) {
      var request =
          StreamSuggestionsRequest.newBuilder()
              .setExperimentId(experimentId)
              .setWorkerId(workerId)
              .build();
      return SuggestionStream.open(client, request);
    }

    private void report(Suggestion suggestion) {
      double x = Assignments.fromProto(suggestion.getAssignmentsMap()).getDouble("x");
      CreateObservationRequest.Builder request =
          CreateObservationRequest.newBuilder()
              .setExperimentId(experimentId)
              .setSuggestionId(suggestion.getSuggestionId());
      JsonElement values = outcomes.get(x);
      if (values.isJsonNull()) {
        request.setFailed(true);
      } else {
        for (var each : values.getAsJsonObject().entrySet()) {
          request.addValuesBuilder().setName(each.getKey()).setValue(each.getValue().getAsDouble());
        }
      }
      client.observations().createObservation(request.build());
      evaluated.add(x);
    }
  }

  private static boolean sameHandOut(Suggestion one, Suggestion other) {
    return one.getSuggestionId().equals(other.getSuggestionId())
        && one.getAttempt() == other.getAttempt();
  }

  private Map<String, Object> batched(String experimentId) throws InvalidProtocolBufferException {
    JsonObject batch = new JsonObject();
    batch.add("observations", scenario.get("batch"));
    List<Observation> observations =
        client
            .observations()
            .batchCreateObservations(
                merged(
                        batch,
                        BatchCreateObservationsRequest.newBuilder().setExperimentId(experimentId))
                    .build())
            .getObservationsList();
    JsonObject correction = new JsonObject();
    correction.add("values", scenario.get("correction"));
    Observation corrected =
        client
            .observations()
            .updateObservation(
                merged(
                        correction,
                        UpdateObservationRequest.newBuilder()
                            .setObservationId(observations.get(0).getObservationId()))
                    .build())
            .getObservation();
    return Map.of(
        "outside",
        observations.stream().map(Observation::getOutside).toList(),
        "failed",
        observations.stream().map(Observation::getFailed).toList(),
        "stddevs",
        observations.stream().map(Conformance::stddevs).toList(),
        "corrected",
        Map.of("values", values(corrected), "stddevs", stddevs(corrected)));
  }

  private Map<String, Object> updated(String experimentId) throws InvalidProtocolBufferException {
    UpdateExperimentRequest.Builder request =
        UpdateExperimentRequest.newBuilder().setExperimentId(experimentId);
    Experiment experiment =
        client
            .experiments()
            .updateExperiment(merged(scenario.get("update"), request).build())
            .getExperiment();
    return Map.of("name", experiment.getName(), "tags", List.copyOf(experiment.getTagsList()));
  }

  private Map<String, Object> progressed(String experimentId) {
    GetExperimentRequest request =
        GetExperimentRequest.newBuilder().setExperimentId(experimentId).build();
    Progress progress = client.experiments().getExperiment(request).getExperiment().getProgress();
    return Map.of(
        "observations",
        progress.getObservationCount(),
        "failed",
        progress.getFailedObservationCount(),
        "open",
        progress.getOpenSuggestionCount(),
        "remaining",
        progress.getRemainingBudget(),
        "finished",
        progress.getFinished());
  }

  private List<?> best(String experimentId) {
    ListBestAssignmentsRequest request =
        ListBestAssignmentsRequest.newBuilder().setExperimentId(experimentId).build();
    return client.analysis().listBestAssignments(request).getBestAssignmentsList().stream()
        .map(each -> each.getObservation())
        .map(
            each ->
                Map.of(
                    "assignments",
                    Assignments.fromProto(each.getAssignmentsMap()).values(),
                    "values",
                    values(each)))
        .toList();
  }

  private Map<String, Object> archived(String experimentId) {
    ArchiveExperimentRequest request =
        ArchiveExperimentRequest.newBuilder().setExperimentId(experimentId).build();
    Experiment experiment = client.experiments().archiveExperiment(request).getExperiment();
    try {
      client
          .suggestions()
          .createSuggestion(
              CreateSuggestionRequest.newBuilder().setExperimentId(experimentId).build());
    } catch (StatusRuntimeException e) {
      return Map.of(
          "state", word(experiment.getState()), "reason", NextpointException.from(e).reason());
    }
    throw new AssertionError("an archived experiment handed out a suggestion");
  }

  private static <B extends Message.Builder> B merged(JsonElement json, B request)
      throws InvalidProtocolBufferException {
    JsonFormat.parser().merge(json.toString(), request);
    return request;
  }

  private static Map<String, Double> values(Observation observation) {
    return byName(observation, MetricValue::hasValue, MetricValue::getValue);
  }

  private static Map<String, Double> stddevs(Observation observation) {
    return byName(observation, MetricValue::hasValueStddev, MetricValue::getValueStddev);
  }

  private static Map<String, Double> byName(
      Observation observation, Predicate<MetricValue> has, ToDoubleFunction<MetricValue> get) {
    Map<String, Double> result = new TreeMap<>();
    for (MetricValue each : observation.getValuesList()) {
      if (has.test(each)) {
        result.put(each.getName(), get.applyAsDouble(each));
      }
    }
    return result;
  }

  private static Object plain(MetadataValue value) {
    return switch (value.getKindCase()) {
      case STRING_VALUE -> value.getStringValue();
      case NUMBER_VALUE -> value.getNumberValue();
      case KIND_NOT_SET -> "";
    };
  }

  private static String word(ExperimentState state) {
    return state.name().substring("EXPERIMENT_STATE_".length()).toLowerCase(Locale.ROOT);
  }
}
