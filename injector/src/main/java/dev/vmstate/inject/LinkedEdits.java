package dev.vmstate.inject;

import dev.vmstate.device.EditSet;
import dev.vmstate.linked.ClockShift;
import dev.vmstate.linked.LinkedEdit;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Edits of one snapshot that go to several places at once, by the names people give them: {@code
 * clock+=3600}.
 */
public final class LinkedEdits {
  private static final String LATER = "clock+";
  private static final String EARLIER = "clock-";
  private static final Pattern DURATION = Pattern.compile("(\\d{1,11})([smhd]?)");

  private final StreamSnapshot snapshot;
  private final EditSet fields = new EditSet();
  private final List<String> limits = new ArrayList<>();
  private final List<InjectionReport.Metadata> named = new ArrayList<>();
  private Optional<SaveImageEdit> saved = Optional.empty();
  private @Nullable MemoryEdits memory;

  /** No edit yet. */
  public LinkedEdits(StreamSnapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** Whether {@code path} names such an edit. */
  public static boolean has(String path) {
    return path.equals(LATER) || path.equals(EARLIER);
  }

  /**
   * Adds one.
   *
   * @param path one that {@link #has} knows
   * @param origin who asks, for the report
   * @throws IllegalArgumentException when the value is none
   * @throws IOException when the snapshot has no place for it
   */
  public void set(String path, String value, String origin) throws IOException {
    switch (path) {
      case LATER -> clock(seconds(path, value), origin);
      case EARLIER -> clock(-seconds(path, value), origin);
      default -> throw new IllegalArgumentException("no linked edit '" + path + "'");
    }
  }

  /** {@code 90}, {@code 90s}, {@code 15m}, {@code 12h}, {@code 30d}. */
  private static long seconds(String path, String value) {
    Matcher duration = DURATION.matcher(value);
    if (!duration.matches()) {
      throw new IllegalArgumentException(
          "%s=%s: seconds expected, or a number with s, m, h or d behind it"
              .formatted(path, value));
    }
    long unit =
        switch (duration.group(2)) {
          case "m" -> 60;
          case "h" -> 3600;
          case "d" -> 86400;
          default -> 1;
        };
    return Long.parseLong(duration.group(1)) * unit;
  }

  private void clock(long seconds, String origin) throws IOException {
    try {
      LinkedEdit edit = ClockShift.of(snapshot.devices(), seconds, origin);
      fields.addAll(edit.edits());
      limits.addAll(edit.limits());
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(snapshot.source(), e.getMessage()), e);
    }
  }

  /** Of which snapshot. */
  StreamSnapshot snapshot() {
    return snapshot;
  }

  /** Device fields; others may be added. */
  public EditSet fields() {
    return fields;
  }

  /** Memory, if any of it changes. */
  Optional<MemoryEdits> memory() {
    return Optional.ofNullable(memory);
  }

  /** What a libvirt save image keeps before the stream. */
  public Optional<SaveImageEdit> saved() {
    return saved;
  }

  /** Also changes that. */
  public void saved(Optional<SaveImageEdit> edit) {
    saved = edit;
  }

  /** Named values in memory. */
  List<InjectionReport.Metadata> named() {
    return List.copyOf(named);
  }

  /** What keeps its old value, for people. */
  public List<String> limits() {
    return limits.stream().distinct().toList();
  }
}
