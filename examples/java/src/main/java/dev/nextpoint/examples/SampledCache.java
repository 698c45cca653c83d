package dev.nextpoint.examples;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A cache of segments, each with a lock of its own. A full segment evicts the least recently used
 * of a few entries that it draws at random.
 */
final class SampledCache {
  private final Segment[] segments;

  SampledCache(int size, int segments, int sample) {
    this.segments = new Segment[segments];
    for (int i = 0; i < segments; i++) {
      this.segments[i] = new Segment(Math.max(1, size / segments), sample);
    }
  }

  /** Looks a key up, and keeps it if it is not there. */
  boolean get(int key) {
    return segments[Math.floorMod(key * 0x9E3779B9, segments.length)].get(key);
  }

  private static final class Segment {
    private final Map<Integer, Integer> slots = new HashMap<>();
    private final int[] keys;
    private final long[] lastUses;
    private final int sample;
    private long clock;

    Segment(int size, int sample) {
      this.keys = new int[size];
      this.lastUses = new long[size];
      this.sample = sample;
    }

    synchronized boolean get(int key) {
      Integer slot = slots.get(key);
      boolean hit = slot != null;
      if (!hit) {
        slot = slots.size() < keys.length ? slots.size() : evict();
        slots.put(key, slot);
        keys[slot] = key;
      }
      lastUses[slot] = ++clock;
      return hit;
    }

    private int evict() {
      ThreadLocalRandom random = ThreadLocalRandom.current();
      int oldest = random.nextInt(keys.length);
      for (int i = 1; i < sample; i++) {
        int candidate = random.nextInt(keys.length);
        oldest = lastUses[candidate] < lastUses[oldest] ? candidate : oldest;
      }
      slots.remove(keys[oldest]);
      return oldest;
    }
  }
}
