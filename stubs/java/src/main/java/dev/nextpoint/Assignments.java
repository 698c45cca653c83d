package dev.nextpoint;

import dev.nextpoint.v1.ParameterValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * One point of a search space.
 *
 * @param values the value of every parameter by name, each a {@code Double}, {@code Long}, {@code
 *     String} or {@code Boolean} as the type of the parameter says
 */
public record Assignments(Map<String, Object> values) {
  public Assignments {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /**
   * Reads the {@code assignments} of a suggestion or an observation. A value of a kind that a later
   * contract adds is left out.
   */
  public static Assignments fromProto(Map<String, ParameterValue> assignments) {
    Map<String, Object> values = new LinkedHashMap<>();
    assignments.forEach((name, value) -> plain(value).ifPresent(known -> values.put(name, known)));
    return new Assignments(values);
  }

  /** Returns what a request takes, such as one to queue a suggestion. */
  public Map<String, ParameterValue> toProto() {
    Map<String, ParameterValue> assignments = new LinkedHashMap<>();
    values.forEach((name, value) -> assignments.put(name, packed(name, value)));
    return assignments;
  }

  /** The value of a parameter of type double, or of type int. */
  public double getDouble(String name) {
    return get(name, Number.class).doubleValue();
  }

  /** The value of a parameter of type int. */
  public long getLong(String name) {
    return get(name, Long.class);
  }

  /** The value of a parameter of type int whose bounds fit. */
  public int getInt(String name) {
    return Math.toIntExact(getLong(name));
  }

  /** The value of a parameter of type categorical. */
  public String getString(String name) {
    return get(name, String.class);
  }

  /** The value of a parameter of type bool. */
  public boolean getBoolean(String name) {
    return get(name, Boolean.class);
  }

  private <T> T get(String name, Class<T> type) {
    Object value = values.get(name);
    if (value == null) {
      throw new NoSuchElementException(
          "no parameter '%s'; there are: %s".formatted(name, String.join(", ", values.keySet())));
    }
    if (!type.isInstance(value)) {
      throw new ClassCastException(
          "parameter '%s' is a %s".formatted(name, value.getClass().getSimpleName()));
    }
    return type.cast(value);
  }

  private static Optional<Object> plain(ParameterValue value) {
    return switch (value.getKindCase()) {
      case DOUBLE_VALUE -> Optional.of(value.getDoubleValue());
      case INT_VALUE -> Optional.of(value.getIntValue());
      case STRING_VALUE -> Optional.of(value.getStringValue());
      case BOOL_VALUE -> Optional.of(value.getBoolValue());
      case KIND_NOT_SET -> Optional.empty();
    };
  }

  private static ParameterValue packed(String name, Object value) {
    ParameterValue.Builder packed = ParameterValue.newBuilder();
    if (value instanceof Double || value instanceof Float) {
      packed.setDoubleValue(((Number) value).doubleValue());
    } else if (value instanceof Long || value instanceof Integer) {
      packed.setIntValue(((Number) value).longValue());
    } else if (value instanceof String text) {
      packed.setStringValue(text);
    } else if (value instanceof Boolean flag) {
      packed.setBoolValue(flag);
    } else {
      throw new IllegalArgumentException("parameter '%s' cannot be %s".formatted(name, value));
    }
    return packed.build();
  }
}
