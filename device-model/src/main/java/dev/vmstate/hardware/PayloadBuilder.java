package dev.vmstate.hardware;

import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.ScalarType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes each device's payload out of the document alone; views and names add nothing. */
final class PayloadBuilder implements HardwareXmlHandler {
  private static final int MAX_NAME = 255;

  private final XmlPlace place;
  private final long maxBytes;
  private final List<DevicePayload> payloads = new ArrayList<>();
  private ByteArrayOutputStream payload = new ByteArrayOutputStream();
  private @Nullable DevicePayload current;
  private long claimed;

  PayloadBuilder(XmlPlace place, long maxBytes) {
    this.place = place;
    this.maxBytes = maxBytes;
  }

  List<DevicePayload> payloads() {
    return List.copyOf(payloads);
  }

  @Override
  public void device(String name, long instance, long version, int line) {
    current = new DevicePayload(name, instance, version, new FieldEdit.Bytes(new byte[0]));
    payload = new ByteArrayOutputStream();
  }

  @Override
  public void endDevice(int line) {
    DevicePayload device = current;
    if (device != null) {
      FieldEdit.Bytes bytes = new FieldEdit.Bytes(payload.toByteArray());
      payloads.add(new DevicePayload(device.name(), device.instance(), device.version(), bytes));
    }
  }

  @Override
  public void number(Tag tag, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    claim(type.width(), tag.line());
    payload.writeBytes(type.encode(value));
  }

  @Override
  public ValueSink numbers(Tag tag, ScalarType type, int count) throws IOException {
    claim((long) count * type.width(), tag.line());
    return new Append(type);
  }

  @Override
  public ValueSink bytes(Tag tag, String type, long size) throws IOException {
    claim(size, tag.line());
    return new Append(ScalarType.of("uint8").orElseThrow());
  }

  @Override
  public ValueSink text(Tag tag, String type, long size) throws IOException {
    return bytes(tag, type, size);
  }

  @Override
  public void subsection(Tag tag, long version) throws IOException {
    if (tag.name().length() > MAX_NAME || tag.name().chars().anyMatch(c -> c > 0xff)) {
      throw place.bad(tag.line(), "a subsection's name is at most 255 characters of Latin-1");
    }
    byte[] framing = FieldShape.framing(tag.name(), version);
    claim(framing.length, tag.line());
    payload.writeBytes(framing);
  }

  /** Checked against what the document claimed before, ahead of any allocation. */
  private void claim(long bytes, int line) throws IOException {
    if (bytes > maxBytes - claimed) {
      throw place.bad(
          line, "%d bytes more than the %d a document may hold".formatted(bytes, maxBytes));
    }
    claimed += bytes;
  }

  /** Appends values; {@link FoldedText} never hands on more than were claimed. */
  private final class Append implements ValueSink {
    private static final int BLOCK = 1 << 12;
    private final ScalarType type;

    Append(ScalarType type) {
      this.type = type;
    }

    @Override
    public void run(long first, long count, long value, int line) {
      byte[] one = type.encode(value);
      if (count == 1) {
        payload.writeBytes(one);
        return;
      }
      byte[] block = new byte[(int) Math.min(BLOCK, count) * one.length];
      for (int i = 0; i < block.length; i++) {
        block[i] = one[i % one.length];
      }
      long left = count * one.length;
      for (; left > block.length; left -= block.length) {
        payload.writeBytes(block);
      }
      payload.writeBytes(Arrays.copyOf(block, (int) left));
    }

    @Override
    public void end() {}
  }

  @Override
  public void machine(String vmm, String type, String arch, int line) {}

  @Override
  public void block(String name, long bytes, int line) {}

  @Override
  public void endRam(int line) {}

  @Override
  public void cpu(int index, String mode, int line) {}

  @Override
  public void register(String name, BigInteger value, @Nullable DerivedNames names, int line) {}

  @Override
  public void registerGroup(String name, int line) {}

  @Override
  public void endRegisterGroup(int line) {}

  @Override
  public void endCpu(int line) {}

  @Override
  public void nic(String device, String model, @Nullable String mac, int line) {}

  @Override
  public void element(Element element, ScalarType type, long value, @Nullable DerivedNames names) {}

  @Override
  public void struct(Tag tag, String vmsd) {}

  @Override
  public void endGroup(int line) {}

  @Override
  public void endMachine(int line) {}
}
