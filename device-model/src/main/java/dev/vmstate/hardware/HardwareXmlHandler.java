package dev.vmstate.hardware;

import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * Takes a document in its own order; {@link HardwareXmlGrammar} calls it. Names are unescaped,
 * numbers parsed and within their types; {@code line} says where.
 */
interface HardwareXmlHandler {
  /**
   * What every field's element has.
   *
   * @param element {@code int}, {@code ints}, {@code bytes}, {@code text}, {@code struct} or {@code
   *     subsection}
   * @param index -1 where the attribute is absent
   */
  record Tag(String element, String name, int index, int line) {
    String label() {
      return index < 0 ? name : name + "[" + index + "]";
    }
  }

  /**
   * An {@code <element>}: one value of the array before it.
   *
   * @param array the array's tag
   * @param index which value
   * @param called its name, or empty where the attribute is absent
   * @param label how a path names it, e.g. {@code mac_reg[0x8]}
   */
  record Element(Tag array, long index, String called, String label, int line) {}

  void machine(String vmm, String type, String arch, int line) throws IOException;

  void block(String name, long bytes, int line) throws IOException;

  void endRam(int line) throws IOException;

  void cpu(int index, String mode, int line) throws IOException;

  /** A register or one part of a segment ({@code cs.base}). */
  void register(String name, BigInteger value, @Nullable DerivedNames names, int line)
      throws IOException;

  /** {@code <fpu>} and its like begin, with registers in them. */
  void registerGroup(String name, int line) throws IOException;

  void endRegisterGroup(int line) throws IOException;

  void endCpu(int line) throws IOException;

  void nic(String device, String model, @Nullable String mac, int line) throws IOException;

  void device(String name, long instance, long version, int line) throws IOException;

  void number(Tag tag, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException;

  ValueSink numbers(Tag tag, ScalarType type, int count) throws IOException;

  void element(Element element, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException;

  ValueSink bytes(Tag tag, String type, long size) throws IOException;

  /** The text's bytes, and zeros behind them. */
  ValueSink text(Tag tag, String type, long size) throws IOException;

  void struct(Tag tag, String vmsd) throws IOException;

  void subsection(Tag tag, long version) throws IOException;

  /** The end of a struct or subsection. */
  void endGroup(int line) throws IOException;

  void endDevice(int line) throws IOException;

  void endMachine(int line) throws IOException;
}
