package dev.nextpoint;

import dev.nextpoint.v1.Task;

/** Measures what a point is worth where the experiment has tasks: several ways to evaluate. */
@FunctionalInterface
public interface TaskEvaluation {
  /**
   * Returns what was measured, as {@link Evaluation#evaluate} does.
   *
   * @param assignments the point
   * @param task how to evaluate it; one without a name where the experiment has no tasks
   * @throws InterruptedException when the worker is stopped: the point is given back
   */
  Outcome evaluate(Assignments assignments, Task task) throws Exception;
}
