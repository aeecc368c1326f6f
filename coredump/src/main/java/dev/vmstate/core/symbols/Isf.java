package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.BtfKind;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.dwarf.DebugInfo.Variable;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * volatility3's symbol file, Intermediate Symbol Format 6.2.0: schemas/schema-6.2.0.json there, in
 * the manner of dwarf2json, which makes it of a debug package. volatility3 picks it by its {@code
 * linux_banner} and finds by itself how far the kernel was moved: addresses are those the kernel
 * was linked with. Symbols of modules are left out: it reads them from memory.
 */
public final class Isf {
  /** Pointers and arrays in one another. */
  private static final int MOST_DEEP = 32;

  /** Four times that of a large kernel: types can be made to be written again and again. */
  private static final long MOST_CHARS = 192 << 20;

  private final GuestSymbols guest;
  private final SymbolTable symbols;
  private final Structs structs;
  private final Btf btf;
  private final JsonText json;
  private final Set<String> defined = new HashSet<>();
  private final Map<String, Boolean> wanted = new HashMap<>();
  private final Map<Integer, String> integers = new HashMap<>();

  private Isf(GuestSymbols guest, OutputStream out) throws IOException {
    this.guest = guest;
    this.symbols = guest.symbols();
    this.structs = guest.types().orElseThrow();
    this.btf = structs.btf();
    this.json = new JsonText(out, MOST_CHARS);
  }

  /**
   * Writes the file.
   *
   * @param guest with types
   */
  public static void write(GuestSymbols guest, OutputStream out) throws IOException {
    new Isf(guest, out).write();
  }

  private void write() throws IOException {
    json.object();
    metadata();
    json.name("base_types").object();
    baseTypes();
    json.end();
    json.name("enums").object();
    for (int id = 1; id < btf.count(); id++) {
      BtfKind kind = btf.kind(id);
      if (kind == BtfKind.ENUM || kind == BtfKind.ENUM64) {
        enumeration(id);
      }
    }
    json.end();
    json.name("user_types").object();
    userTypes();
    json.end();
    json.name("symbols").object();
    symbols();
    json.end().end();
    json.flush();
  }

  private void metadata() throws IOException {
    json.name("metadata").object();
    json.name("format").value("6.2.0");
    json.name("producer").object();
    json.name("name").value("vmstate").name("version").value("0.1.0").end();
    json.name("linux").object();
    for (String[] part :
        new String[][] {{"symbols", "symtab", "kallsyms"}, {"types", "dwarf", "BTF"}}) {
      json.name(part[0]).array().object();
      json.name("kind").value(part[1]).name("name").value(part[2]).end().endArray();
    }
    json.end().end();
  }

  private void base(String name, long size, boolean signed, String kind) throws IOException {
    if (defined.add(name)) {
      json.name(name).object().name("size").value(size).name("signed").value(signed);
      json.name("kind").value(kind).name("endian").value("little").end();
    }
  }

  private void baseTypes() throws IOException {
    base("void", 0, false, "void");
    base("pointer", structs.pointerBytes(), false, "int");
    for (int id = 1; id < btf.count(); id++) {
      if (btf.kind(id) == BtfKind.FLOAT) {
        base(btf.name(id), btf.size(id), true, "float");
      } else if (btf.kind(id) == BtfKind.INT) {
        boolean character = btf.size(id) == 1 && (btf.intChar(id) || btf.name(id).endsWith("char"));
        String kind = btf.intBool(id) ? "bool" : character ? "char" : "int";
        base(btf.name(id), btf.size(id), btf.intSigned(id), kind);
      }
    }
    defined.clear();
  }

  private String nameOf(int id) {
    String name = btf.name(id);
    return name.isEmpty() ? "unnamed_%x".formatted(id) : name;
  }

  private void enumeration(int id) throws IOException {
    String name = nameOf(id);
    if (!defined.add(name)) {
      return;
    }
    boolean signed = false;
    for (int i = 0; i < btf.vlen(id); i++) {
      signed |= btf.enumValue(id, i) < 0 && btf.enumSigned(id);
    }
    String base = integer((int) btf.size(id), signed);
    json.name(name).object().name("size").value(btf.size(id)).name("base").value(base);
    json.name("constants").object();
    for (int i = 0; i < btf.vlen(id); i++) {
      json.name(btf.string(btf.elementName(id, i)));
      if (signed) {
        json.value(btf.enumValue(id, i));
      } else {
        json.unsigned(btf.enumValue(id, i));
      }
    }
    json.end().end();
  }

  /** The name of a number of that size; every kernel has all of them. */
  private String integer(int size, boolean signed) {
    return integers.computeIfAbsent(signed ? ~size : size, unknown -> findInteger(size, signed));
  }

  private String findInteger(int size, boolean signed) {
    for (int id = 1; id < btf.count(); id++) {
      if (btf.kind(id) == BtfKind.INT
          && btf.size(id) == size
          && btf.intSigned(id) == signed
          && !btf.intBool(id)) {
        return btf.name(id);
      }
    }
    return "void";
  }

  private void userTypes() throws IOException {
    defined.clear();
    for (int id = 1; id < btf.count(); id++) {
      if (btf.kind(id).isComposite() && defined.add(nameOf(id))) {
        json.name(nameOf(id)).object();
        json.name("kind").value(btf.kind(id) == BtfKind.UNION ? "union" : "struct");
        json.name("size").value(btf.size(id)).name("fields").object();
        fields(id);
        json.end().end();
      }
    }
    for (Map.Entry<String, Boolean> forward : wanted.entrySet()) {
      if (defined.add(forward.getKey())) {
        json.name(forward.getKey()).object();
        json.name("kind").value(forward.getValue() ? "union" : "struct");
        json.name("size").value(0).name("fields").object().end().end();
      }
    }
  }

  private void fields(int id) throws IOException {
    Set<String> names = new HashSet<>();
    for (int i = 0; i < btf.vlen(id); i++) {
      int type = btf.elementType(id, i);
      String name = btf.string(btf.elementName(id, i));
      boolean unnamed = name.isEmpty();
      if (unnamed && btf.memberBits(id, i) != 0) {
        continue; // int : 4;
      }
      name = unnamed ? "unnamed_field_%x".formatted(i) : name;
      if (!names.add(name)) {
        continue;
      }
      json.name(name).object();
      long bit = btf.memberBit(id, i);
      int bits = btf.memberBits(id, i);
      long unit = bits == 0 ? 1 : Math.max(1, structs.size(type).orElse(4));
      long offset = bit / 8 / unit * unit;
      if (bits == 0) {
        json.name("type");
        descriptor(type);
      } else {
        json.name("type").object().name("kind").value("bitfield");
        json.name("bit_position").value(bit - 8 * offset).name("bit_length").value(bits);
        json.name("type");
        descriptor(type);
        json.end();
      }
      json.name("offset").value(offset);
      if (unnamed) {
        json.name("anonymous").value(true);
      }
      json.end();
    }
  }

  private void named(String kind, String name) throws IOException {
    json.object().name("kind").value(kind).name("name").value(name).end();
  }

  private void descriptor(int of) throws IOException {
    descriptor(of, MOST_DEEP);
  }

  /** A pointer may come back to itself through arrays and typedefs: {@code deep} ends that. */
  private void descriptor(int of, int deep) throws IOException {
    int id = btf.resolve(of);
    switch (deep == 0 ? BtfKind.VOID : btf.kind(id)) {
      case INT, FLOAT -> named("base", btf.name(id));
      case STRUCT -> named("struct", nameOf(id));
      case UNION -> named("union", nameOf(id));
      case ENUM, ENUM64 -> named("enum", nameOf(id));
      case FWD -> {
        wanted.putIfAbsent(btf.name(id), btf.kflag(id));
        named(btf.kflag(id) ? "union" : "struct", btf.name(id));
      }
      case FUNC_PROTO -> json.object().name("kind").value("function").end();
      case ARRAY -> {
        json.object().name("kind").value("array").name("count").value(btf.arrayCount(id));
        json.name("subtype");
        descriptor(btf.arrayType(id), deep - 1);
        json.end();
      }
      case PTR -> {
        json.object().name("kind").value("pointer").name("subtype");
        descriptor(btf.type(id), deep - 1);
        json.end();
      }
      default -> named("base", "void");
    }
  }

  private void symbols() throws IOException {
    Map<String, Variable> types = new HashMap<>();
    for (Variable variable : KernelElf.variables(guest)) {
      types.put(variable.name(), variable);
    }
    long start = guest.kernel().image().start();
    long end = guest.kernel().image().end();
    boolean wide = guest.memory().wordBytes() == 8;
    long moved = wide ? guest.kernel().kernelOffset() : 0;
    Set<String> names = new HashSet<>();
    for (int i = 0; i < symbols.size(); i++) {
      String name = symbols.name(i);
      if (!symbols.module(i).isEmpty() || !names.add(name)) {
        continue;
      }
      long address = symbols.address(i);
      boolean inImage =
          Long.compareUnsigned(address, wide ? KernelImage.START_KERNEL_MAP : start) >= 0
              && Long.compareUnsigned(address, end) <= 0;
      json.name(name).object().name("type");
      Variable variable = types.get(name);
      if (variable == null) {
        named("base", "void");
      } else {
        typed(variable);
      }
      json.name("address").unsigned(inImage ? address - moved : address);
      if (name.equals("linux_banner")) {
        byte[] banner = (guest.kernel().banner() + "\n\0").getBytes(StandardCharsets.ISO_8859_1);
        json.name("constant_data").value(Base64.getEncoder().encodeToString(banner));
      }
      json.end();
    }
  }

  private void typed(Variable variable) throws IOException {
    int open = 0;
    if (variable.elements() >= 0) {
      json.object().name("kind").value("array").name("count").value(variable.elements());
      json.name("subtype");
      open++;
    }
    for (int i = 0; i < variable.pointers(); i++) {
      json.object().name("kind").value("pointer").name("subtype");
      open++;
    }
    descriptor(variable.type());
    for (; open > 0; open--) {
      json.end();
    }
  }
}
