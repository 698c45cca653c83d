package dev.nextpoint;

import dev.nextpoint.v1.MetricValue;
import java.util.List;
import java.util.stream.Stream;

/**
 * What an evaluation measured.
 *
 * @param values one value for every metric of the experiment, as a request takes them
 */
public record Outcome(List<MetricValue> values) {
  public Outcome {
    values = List.copyOf(values);
  }

  /** An outcome of one metric. */
  public static Outcome of(String metric, double value) {
    return new Outcome(List.of()).and(metric, value);
  }

  /** An outcome of one metric with the standard deviation of the value; 0 means without noise. */
  public static Outcome of(String metric, double value, double stddev) {
    return new Outcome(List.of()).and(metric, value, stddev);
  }

  /** Returns this outcome with one more metric. */
  public Outcome and(String metric, double value) {
    return and(MetricValue.newBuilder().setName(metric).setValue(value));
  }

  /** Returns this outcome with one more metric and the standard deviation of its value. */
  public Outcome and(String metric, double value, double stddev) {
    return and(MetricValue.newBuilder().setName(metric).setValue(value).setValueStddev(stddev));
  }

  private Outcome and(MetricValue.Builder value) {
    return new Outcome(Stream.concat(values.stream(), Stream.of(value.build())).toList());
  }
}
