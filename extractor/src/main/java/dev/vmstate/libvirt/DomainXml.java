package dev.vmstate.libvirt;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What a domain XML says of the machine, and where in its bytes the values stand that an edit
 * changes; every other byte stays as it is.
 */
public final class DomainXml {
  private final byte[] bytes;
  private final DomainXmlScan scan;

  private DomainXml(byte[] bytes, DomainXmlScan scan) {
    this.bytes = bytes;
    this.scan = scan;
  }

  /**
   * A value and the bytes between its quotes.
   *
   * @param text the value, references resolved
   * @param at where it stands, from the start of the XML
   */
  public record Value(String text, Span at) {}

  /**
   * An {@code <interface>}.
   *
   * @param mac {@code <mac address=…>}
   * @param target {@code <target dev=…>}, the host's end
   * @param alias {@code <alias name=…>}, the id QEMU's -device gets
   * @param model {@code <model type=…>}
   * @param pciPath the qdev path of its PCI function as QEMU puts it before the section's name,
   *     e.g. {@code 0000:00:02.0:00.0}; empty when it has no PCI address or the way to it is not
   *     told
   */
  public record Interface(
      Optional<Value> mac,
      Optional<String> target,
      Optional<String> alias,
      Optional<String> model,
      Optional<String> pciPath) {}

  /**
   * Reads a domain XML.
   *
   * @param place what errors call it; their offsets count from the XML's first byte
   * @throws FormatException when it is no well-formed XML in UTF-8 whose root is {@code domain}
   */
  public static DomainXml parse(String place, byte[] utf8) throws FormatException {
    return new DomainXml(utf8, DomainXmlScan.of(place, text(place, utf8)));
  }

  /** Decodes UTF-8. */
  public static String text(String place, byte[] utf8) throws FormatException {
    ByteBuffer in = ByteBuffer.wrap(utf8);
    CharBuffer out = CharBuffer.allocate(utf8.length);
    CoderResult result =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .decode(in, out, true);
    if (result.isError()) {
      throw new FormatException(place, in.position(), "is not UTF-8");
    }
    return out.flip().toString();
  }

  /** {@code <name>}, without control characters. */
  public Optional<String> name() {
    return scan.name();
  }

  /** {@code <uuid>}, as it is written. */
  public Optional<String> uuid() {
    return scan.uuid();
  }

  /** {@code <os><type machine=…>}. */
  public Optional<String> machine() {
    return scan.machine();
  }

  /** The same and where it stands, if that is plain. */
  public Optional<Value> machineValue() {
    return scan.machineValue();
  }

  /** Its network interfaces, in the order of the document. */
  public List<Interface> interfaces() {
    return scan.interfaces();
  }

  /** The bytes with {@code value} in the place of {@code old}. */
  public byte[] with(Value old, String value) {
    byte[] fresh = value.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(bytes.length - (int) old.at().length() + fresh.length);
    out.put(bytes, 0, (int) old.at().offset()).put(fresh);
    return out.put(bytes, (int) old.at().end(), bytes.length - (int) old.at().end()).array();
  }
}
