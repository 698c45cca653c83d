package dev.nextpoint;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * What the clients of all languages share. Only {@code UNAVAILABLE} is tried again, it is what a
 * restart looks like; gRPC adds the jitter.
 *
 * @param forGrpc without the timeout: gRPC would hold every call to it, and a stub may give one
 *     more
 * @param timeout how long a call may take whose stub has no deadline
 */
record ServiceConfig(Map<String, ?> forGrpc, Duration timeout) {
  static ServiceConfig load() {
    try (var file = ServiceConfig.class.getResourceAsStream("service_config.json");
        var text = new InputStreamReader(file, StandardCharsets.UTF_8)) {
      List<Map<String, Object>> methods =
          new Gson()
              .fromJson(text, new TypeToken<Map<String, List<Map<String, Object>>>>() {})
              .get("methodConfig");
      String timeout = null;
      for (Map<String, Object> each : methods) {
        Object removed = each.remove("timeout");
        timeout = removed == null ? timeout : (String) removed;
      }
      if (timeout == null) {
        throw new NoSuchElementException("service_config.json has no timeout");
      }
      return new ServiceConfig(
          Map.of("methodConfig", methods), Duration.parse("PT" + timeout.toUpperCase(Locale.ROOT)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
