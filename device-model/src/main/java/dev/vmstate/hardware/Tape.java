package dev.vmstate.hardware;

import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what stands in a folded struct, to be handed on once for each struct it stands for. How
 * much it may keep is limited: folded structs may hold folded structs.
 */
final class Tape implements HardwareXmlHandler {
  /** A snapshot has some ten thousand fields; a document of a few lines may ask for more. */
  static final int MOST_EVENTS = 1 << 20;

  private interface Event {
    void play(HardwareXmlHandler to) throws IOException;
  }

  private final XmlPlace place;
  private final List<Event> events = new ArrayList<>();

  Tape(XmlPlace place) {
    this.place = place;
  }

  /** How many events it holds. */
  int size() {
    return events.size();
  }

  /** Hands on everything once. */
  void play(HardwareXmlHandler to) throws IOException {
    for (Event event : events) {
      event.play(to);
    }
  }

  private void add(int line, Event event) throws IOException {
    if (events.size() == MOST_EVENTS) {
      throw place.bad(line, "a folded struct holds more than %d values".formatted(MOST_EVENTS));
    }
    events.add(event);
  }

  private void named(Tag tag, Event event) throws IOException {
    add(
        tag.line(),
        to -> {
          place.enter(tag.label());
          event.play(to);
          place.leave();
        });
  }

  @Override
  public void number(Tag tag, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    named(tag, to -> to.number(tag, type, value, names));
  }

  @Override
  public ValueSink numbers(Tag tag, ScalarType type, int count) throws IOException {
    return values(tag, to -> to.numbers(tag, type, count));
  }

  @Override
  public void element(Element element, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    add(
        element.line(),
        to -> {
          place.enter(element.label());
          to.element(element, type, value, names);
          place.leave();
        });
  }

  @Override
  public ValueSink bytes(Tag tag, String type, long size) throws IOException {
    return values(tag, to -> to.bytes(tag, type, size));
  }

  @Override
  public ValueSink text(Tag tag, String type, long size) throws IOException {
    return values(tag, to -> to.text(tag, type, size));
  }

  /** Where the values of a tag go when it is played. */
  private interface Opening {
    ValueSink open(HardwareXmlHandler to) throws IOException;
  }

  private record Run(long first, long count, long value, int line) {}

  private ValueSink values(Tag tag, Opening opening) throws IOException {
    List<Run> runs = new ArrayList<>();
    named(
        tag,
        to -> {
          ValueSink sink = opening.open(to);
          for (Run run : runs) {
            sink.run(run.first(), run.count(), run.value(), run.line());
          }
          sink.end();
        });
    return new ValueSink() {
      @Override
      public void run(long first, long count, long value, int line) throws IOException {
        if (runs.size() == MOST_EVENTS) {
          throw place.bad(line, "a folded struct holds more than %d values".formatted(MOST_EVENTS));
        }
        runs.add(new Run(first, count, value, line));
      }

      @Override
      public void end() {}
    };
  }

  @Override
  public void struct(Tag tag, String vmsd) throws IOException {
    add(
        tag.line(),
        to -> {
          place.enter(tag.label());
          to.struct(tag, vmsd);
        });
  }

  @Override
  public void subsection(Tag tag, long version) throws IOException {
    add(
        tag.line(),
        to -> {
          place.enter(tag.label());
          to.subsection(tag, version);
        });
  }

  @Override
  public void endGroup(int line) throws IOException {
    add(
        line,
        to -> {
          to.endGroup(line);
          place.leave();
        });
  }

  @Override
  public void machine(String vmm, String type, String arch, int line) {
    throw notInStruct();
  }

  @Override
  public void block(String name, long bytes, int line) {
    throw notInStruct();
  }

  @Override
  public void endRam(int line) {
    throw notInStruct();
  }

  @Override
  public void cpu(int index, String mode, int line) {
    throw notInStruct();
  }

  @Override
  public void register(String name, BigInteger value, @Nullable DerivedNames names, int line) {
    throw notInStruct();
  }

  @Override
  public void registerGroup(String name, int line) {
    throw notInStruct();
  }

  @Override
  public void endRegisterGroup(int line) {
    throw notInStruct();
  }

  @Override
  public void endCpu(int line) {
    throw notInStruct();
  }

  @Override
  public void nic(String device, String model, @Nullable String mac, int line) {
    throw notInStruct();
  }

  @Override
  public void device(String name, long instance, long version, int line) {
    throw notInStruct();
  }

  @Override
  public void endDevice(int line) {
    throw notInStruct();
  }

  @Override
  public void endMachine(int line) {
    throw notInStruct();
  }

  private static IllegalStateException notInStruct() {
    return new IllegalStateException("the grammar has no such thing in a struct");
  }
}
