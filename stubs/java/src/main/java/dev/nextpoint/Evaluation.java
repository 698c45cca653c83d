package dev.nextpoint;

/** Measures what a point is worth: the function that a {@link Worker} runs. */
@FunctionalInterface
public interface Evaluation {
  /**
   * Returns what was measured, one value for every metric of the experiment.
   *
   * <p>Whatever else it throws is a failed observation, as is a value or standard deviation that is
   * not finite, or a negative standard deviation.
   *
   * @throws InterruptedException when the worker is stopped: the point is given back
   */
  Outcome evaluate(Assignments assignments) throws Exception;
}
