package dev.vmstate.core.dwarf;

import dev.vmstate.core.btf.Btf;
import java.util.List;

/**
 * Sections .debug_info, .debug_abbrev, .debug_str and .debug_ranges: one unit for the kernel, one
 * for each module, after DWARF 4, sections 7.5 and 2.17.3.
 *
 * <p>.debug_str begins with the strings of the BTF tables as they are: they are deduplicated
 * already, and an offset in them needs no search.
 */
public final class DebugInfo {
  /** DW_LANG_C99. */
  private static final int LANGUAGE = 0x0c;

  private final LittleBytes info = new LittleBytes();
  private final LittleBytes abbreviations = new LittleBytes();
  private final LittleBytes strings = new LittleBytes();
  private final LittleBytes ranges = new LittleBytes();
  private final int wordBytes;
  private final int producer;
  private final int tableAcross;
  private int[] kernelDies = {};
  private int types;
  private int functions;
  private int variables;

  /**
   * A function: bytes from {@code start} to {@code end}.
   *
   * @param function number of its FUNC
   */
  public record Function(int function, long start, long end, boolean external) {}

  /**
   * A variable.
   *
   * @param name as the linker knows it
   * @param type number of a type, in which {@code suffix} is then applied
   * @param pointers how often it is a pointer to that
   * @param elements of an array of that: -1 for none, 0 for one whose length is not known
   */
  public record Variable(
      String name, int type, int pointers, long elements, long address, boolean external) {}

  /** Nothing yet; {@code wordBytes} is the size of an address, 4 or 8. */
  public DebugInfo(int wordBytes) {
    this.wordBytes = wordBytes;
    strings.u8(0);
    this.producer = strings.string("vmstate, from BTF");
    DieShape.writeTable(abbreviations, false);
    this.tableAcross = abbreviations.size();
    DieShape.writeTable(abbreviations, true);
  }

  /** The section of that name. */
  public LittleBytes info() {
    return info;
  }

  /** .debug_abbrev. */
  public LittleBytes abbreviations() {
    return abbreviations;
  }

  /** .debug_str. */
  public LittleBytes strings() {
    return strings;
  }

  /** .debug_ranges. */
  public LittleBytes ranges() {
    return ranges;
  }

  /** Entries of types. */
  public int types() {
    return types;
  }

  /** Entries of functions. */
  public int functions() {
    return functions;
  }

  /** Entries of variables. */
  public int variables() {
    return variables;
  }

  /**
   * Adds a unit. The kernel's is the first; those of modules refer to its types.
   *
   * @param code what the functions lie in: starts and ends, in turns
   */
  public void unit(
      String name, Btf btf, List<Function> code, List<Variable> data, List<long[]> codeRanges) {
    int start = info.size();
    int ownStrings = strings.size();
    strings.bytes(btf.strings());
    int firstOwn = btf.stringsStart();
    int kernelStrings = kernelStrings(ownStrings, firstOwn);
    info.u32(0).u16(4).u32(firstOwn == 0 ? 0 : tableAcross).u8(wordBytes);
    DieShape shape = codeRanges.isEmpty() ? DieShape.DATA_UNIT : DieShape.UNIT;
    info.uleb(shape.code(DieShape.NAMED | DieShape.CHILDREN)).u32(strings.string(name));
    info.u32(producer).u16(LANGUAGE);
    if (shape == DieShape.UNIT) {
      info.number(wordBytes, 0).u32(ranges.size());
      ranges(codeRanges);
    }
    TypeDies dies =
        new TypeDies(
            info,
            btf,
            wordBytes,
            offset -> offset >= firstOwn ? ownStrings + offset - firstOwn : kernelStrings + offset,
            kernelDies);
    dies.write();
    code.forEach(function -> function(dies, btf, function));
    new VariableDies(info, strings, dies, wordBytes).write(data);
    dies.patch();
    info.u8(0);
    info.setInt(start, info.size() - start - 4);
    types += btf.count() - btf.start();
    functions += code.size();
    variables += data.size();
    if (firstOwn == 0) {
      kernelDies = dies.dies();
    }
  }

  private int firstUnitStrings = -1;

  private int kernelStrings(int own, int firstOwn) {
    if (firstOwn == 0) {
      firstUnitStrings = own;
    }
    return firstUnitStrings;
  }

  private void ranges(List<long[]> of) {
    for (long[] range : of) {
      ranges.number(wordBytes, range[0]).number(wordBytes, range[1]);
    }
    ranges.number(wordBytes, 0).number(wordBytes, 0);
  }

  private void function(TypeDies dies, Btf btf, Function function) {
    int id = function.function();
    int prototype = btf.type(id);
    boolean any = btf.vlen(prototype) > 0;
    dies.head(
        function.external() ? DieShape.EXTERNAL_SUBPROGRAM : DieShape.SUBPROGRAM,
        btf.nameOffset(id),
        btf.type(prototype),
        any);
    info.number(wordBytes, function.start()).u32(function.end() - function.start());
    if (any) {
      dies.parameters(prototype);
    }
  }
}
