package dev.vmstate.layout;

import dev.vmstate.device.ScalarType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the tables. A line is one thing, {@code #} starts a comment, a block ends with a line
 * {@code }}.
 *
 * <pre>
 * file    ::= ( layout | struct | meaning | names )*
 * layout  ::= 'layout' NAME '{' head* item* '}'
 * head    ::= 'type' TEXT+ | 'device' GLOB+ | 'field' TEXT+     which fields it is for: all must fit
 *           | 'when' EXPR                                       tried only then
 *           | 'try' NAME NUMBER+                                one value after the other, until it fits
 *           | 'alias' NAME MEANING                              what ?NAME is in this layout
 * struct  ::= 'struct' NAME '{' item* '}'
 * meaning ::= 'meaning' NAME '{' naming* '}'
 * names   ::= 'names' GLOB '{' ( 'field' PATH [LABEL] naming* )* '}'    for fields of vmdesc's own
 *
 * item    ::= TYPE NAME [ '[' EXPR ']' ] [ '=' EXPR | 'in' EXPR '..' EXPR ] naming*
 *           | ( 'buffer' | 'text' | 'unused' ) NAME '[' EXPR ']' naming*      bytes
 *           | STRUCT NAME repeat                                a group
 *           | 'group' NAME repeat '{' item* '}'                 a group told here
 *           | 'use' STRUCT                                      its fields, without a group
 *           | 'while' EXPR NAME '{' item* '}'                   groups as long as EXPR holds
 *           | 'if' EXPR '{' item* '}' [ 'else' '{' item* '}' ]
 *           | 'subsection' TEXT VERSION [ 'as' NAME ] [ 'needed' TEXT [ 'if' EXPR ] ] '{' item* '}'
 *           | 'overlay' [ NAME [ TEXT ] ] EXPR [ 'cut' ] '{' ( '@' EXPR item | chain )* '}'
 *           | 'check' EXPR TEXT | 'let' NAME '=' EXPR
 * repeat  ::= [ '[' EXPR ']' [ 'fold' EXPR ] ]
 * chain   ::= 'chain' 'first' EXPR 'id' EXPR 'next' EXPR 'in' EXPR '..' EXPR
 *             [ 'until' EXPR ] [ 'while' EXPR ]
 *             '{' ( NUMBER STRUCT [ NAME ] | 'else' STRUCT NAME )* '}'
 * naming  ::= 'bits' ( NAME=MASK )+ | 'bit' ( NAME=NUMBER | NAME=LOW-HIGH | NAME=@LOW-HIGH )+
 *           | 'values' ( NAME=NUMBER )+ | 'help' TEXT | 'like' [ '?' ] MEANING [ 'high' ]
 *           | 'element' NUMBER ( 'name' TEXT | naming )
 * TYPE    ::= vmdesc's names (in quotes where they hold a space), le16 le32 le64, and guest16
 *             guest32 guest64 in the byte order that the value 'big' tells
 * </pre>
 *
 * <p>{@code ADDRESS=@4-31} reads the bits where they stand, {@code =4-31} as a number of their own.
 *
 * <p>{@link Expression} has the grammar of EXPR. In an overlay a field stands at its offset, or
 * behind the one before; bytes between fields are kept as such, and of two fields that overlap the
 * first is kept; {@code cut}: it may end before its fields do. {@code fold N}: elements from N on
 * that are equal to the last one are kept together as bytes, named {@code
 * unused_NAME[first..last]}. A {@code subsection} may be absent; {@code needed} says in QEMU's
 * words when it is written, {@code if} the same as a number.
 */
final class LayoutReader {
  private record Line(String text, String where) {}

  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|\\S+");
  private static final Set<String> NAMING =
      Set.of("bits", "bit", "values", "help", "like", "element");

  private final Tables tables;
  private final List<Line> lines = new ArrayList<>();
  private int at;

  private LayoutReader(String file, String text, Tables tables) {
    this.tables = tables;
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String bare = withoutComment(line).strip();
      if (!bare.isEmpty()) {
        lines.add(new Line(bare, file + " line " + number));
      }
    }
  }

  /**
   * Adds one file to the tables.
   *
   * @throws IllegalArgumentException when it breaks the grammar; the message names file and line
   */
  static void read(String file, String text, Tables tables) {
    LayoutReader reader = new LayoutReader(file, text, tables);
    while (reader.at < reader.lines.size()) {
      reader.top();
    }
  }

  private static String withoutComment(String line) {
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      quoted ^= line.charAt(i) == '"';
      if (line.charAt(i) == '#' && !quoted) {
        return line.substring(0, i);
      }
    }
    return line;
  }

  private Tokens next() {
    Line line = lines.get(at++);
    return new Tokens(line.text(), line.where());
  }

  private String firstWord() {
    return at == lines.size() ? "" : lines.get(at).text().split("[\\s{]+", 2)[0];
  }

  /** Takes the line that ends a block, if it is next. */
  private boolean closed() {
    if (at == lines.size()) {
      throw new IllegalArgumentException(lines.get(at - 1).where() + ": a block has no end");
    }
    if (lines.get(at).text().equals("}")) {
      at++;
      return true;
    }
    return false;
  }

  private void top() {
    String word = firstWord();
    Tokens line;
    switch (word) {
      case "layout" -> layout();
      case "struct" -> {
        line = next();
        line.expect("struct");
        Item.Block block = tables.struct(line.name());
        if (!block.items().isEmpty()) {
          throw line.bad("a second struct of that name");
        }
        open(line);
        block.fill(items());
      }
      case "meaning" -> {
        line = next();
        line.expect("meaning");
        Naming naming = tables.set(line.name());
        open(line);
        while (!closed()) {
          naming(naming);
        }
      }
      case "names" -> names();
      default -> throw next().bad("'%s' where a table should start".formatted(word));
    }
  }

  private static void open(Tokens line) {
    line.expect("{");
    line.end();
  }

  private void layout() {
    Tokens line = next();
    line.expect("layout");
    String name = line.text();
    open(line);
    List<String> types = new ArrayList<>();
    List<Layout.Glob> devices = new ArrayList<>();
    List<String> fields = new ArrayList<>();
    Expression when = null;
    Map<String, List<Long>> tries = new LinkedHashMap<>();
    Map<String, String> aliases = new HashMap<>();
    for (boolean head = true; head; ) {
      switch (firstWord()) {
        case "type" -> types.addAll(texts());
        case "device" -> texts().forEach(glob -> devices.add(Layout.Glob.of(glob)));
        case "field" -> fields.addAll(texts());
        case "when" -> {
          line = next();
          line.expect("when");
          when = line.expression();
          line.end();
        }
        case "try" -> {
          line = next();
          line.expect("try");
          List<Long> values = tries.computeIfAbsent(line.name(), key -> new ArrayList<>());
          while (!line.done()) {
            values.add(line.number());
          }
        }
        case "alias" -> {
          line = next();
          line.expect("alias");
          aliases.put(line.name(), line.name());
          line.end();
        }
        default -> head = false;
      }
    }
    Item.Block block = new Item.Block();
    block.fill(items());
    tables.layouts.add(new Layout(name, types, devices, fields, when, tries, aliases, block));
  }

  /** The words behind the first; those that hold a space stand in quotes. */
  private List<String> texts() {
    Line line = lines.get(at++);
    List<String> texts = new ArrayList<>();
    Matcher word = WORD.matcher(line.text());
    while (word.find()) {
      texts.add(word.group(1) != null ? word.group(1) : word.group());
    }
    texts.remove(0);
    if (texts.isEmpty()) {
      throw bad(line.where(), "a word is missing");
    }
    return texts;
  }

  private void names() {
    List<String> head = texts();
    if (head.size() != 2 || !head.get(1).equals("{")) {
      throw bad(lines.get(at - 1).where(), "'names GLOB {' is expected");
    }
    Tables.FieldNames names = new Tables.FieldNames(Layout.Glob.of(head.get(0)));
    while (!closed()) {
      String[] words = lines.get(at).text().split("\\s+", 3);
      if (!words[0].equals("field") || words.length < 2) {
        throw next().bad("'field PATH' is expected");
      }
      at++;
      Naming naming = names.byPath().computeIfAbsent(words[1], key -> new Naming());
      if (words.length == 3) {
        naming.name(words[2]);
      }
      namings(naming);
    }
    tables.names.add(names);
  }

  private Naming namings(Naming naming) {
    while (NAMING.contains(firstWord())) {
      naming(naming);
    }
    return naming;
  }

  private void naming(Naming naming) {
    Line line = lines.get(at);
    String[] words = line.text().split("\\s+");
    if (words[0].equals("element") && words.length > 2) {
      Naming element = naming.element(Integer.decode(words[1]));
      String rest = line.text().split("\\s+", 3)[2];
      if (words[2].equals("name")) {
        at++;
        element.name(rest.substring("name".length()).strip());
      } else {
        lines.set(at, new Line(rest, line.where()));
        naming(element);
      }
      return;
    }
    at++;
    switch (words[0]) {
      case "help" -> {
        Tokens tokens = new Tokens(line.text(), line.where());
        tokens.name();
        naming.help(tokens.quoted());
        tokens.end();
      }
      case "like" -> {
        Tokens tokens = new Tokens(line.text(), line.where());
        tokens.name();
        String alias = tokens.take("?") ? "?" : "";
        naming.like(alias + tokens.name(), tokens.take("high"));
        tokens.end();
      }
      case "bits", "bit", "values" -> {
        for (int i = 1; i < words.length; i++) {
          named(naming, words[0], words[i], line.where());
        }
      }
      default -> throw bad(line.where(), "'%s' says no names".formatted(words[0]));
    }
  }

  private static IllegalArgumentException bad(String where, String why) {
    return new IllegalArgumentException(where + ": " + why);
  }

  private static void named(Naming naming, String kind, String word, String where) {
    int equals = word.indexOf('=');
    if (equals < 1) {
      throw bad(where, "'%s' where NAME=NUMBER is expected".formatted(word));
    }
    String name = word.substring(0, equals);
    String number = word.substring(equals + 1);
    try {
      if (kind.equals("values")) {
        naming.value(name, number(number));
      } else if (kind.equals("bits")) {
        naming.bits(name, number(number), false);
      } else {
        boolean inPlace = number.startsWith("@");
        number = inPlace ? number.substring(1) : number;
        int dash = number.indexOf('-');
        int low = Integer.parseInt(dash < 0 ? number : number.substring(0, dash));
        int high = dash < 0 ? low : Integer.parseInt(number.substring(dash + 1));
        naming.bits(name, -1L >>> (63 - high + low) << low, inPlace);
      }
    } catch (NumberFormatException e) {
      throw bad(where, "'%s' is no number".formatted(number));
    }
  }

  private static long number(String text) {
    return text.startsWith("0x")
        ? Long.parseUnsignedLong(text.substring(2), 16)
        : Long.parseLong(text);
  }

  private Item.Block block(Tokens line) {
    open(line);
    Item.Block block = new Item.Block();
    block.fill(items());
    return block;
  }

  private List<Item> items() {
    List<Item> items = new ArrayList<>();
    Set<String> names = new HashSet<>();
    while (!closed()) {
      Tokens line = next();
      if (line.take("@")) {
        Expression offset = line.expression();
        items.add(new Item.At(offset, item(line)));
      } else {
        items.add(item(line));
      }
      if (items.get(items.size() - 1) instanceof Item.Number number && !names.add(number.name())) {
        throw line.bad("a second '%s' in one block".formatted(number.name()));
      }
    }
    return items;
  }

  private Item item(Tokens line) {
    if (line.peek().startsWith("\"")) {
      return number(line, line.quoted());
    }
    String word = line.name();
    switch (word) {
      case "if" -> {
        Expression condition = line.expression();
        Item.Block then = block(line);
        Item.Block otherwise = new Item.Block();
        if (firstWord().equals("else")) {
          line = next();
          line.expect("else");
          otherwise = block(line);
        }
        return new Item.When(condition, then, otherwise);
      }
      case "use" -> {
        Item.Block items = tables.struct(line.name());
        line.end();
        return new Item.Use(items);
      }
      case "check" -> {
        Expression condition = line.expression();
        String message = line.quoted();
        line.end();
        return new Item.Check(condition, message);
      }
      case "let" -> {
        String name = line.name();
        line.expect("=");
        Expression value = line.expression();
        line.end();
        return new Item.Let(name, value);
      }
      case "buffer", "text", "unused" -> {
        String name = line.text();
        line.expect("[");
        Expression length = line.expression();
        line.expect("]");
        line.end();
        return new Item.Bytes(word, name, length, namings(new Naming()));
      }
      case "while" -> {
        Expression again = line.expression();
        String name = line.text();
        return new Item.Group(name, "", block(line), null, again, null);
      }
      case "overlay" -> {
        boolean named = Character.isLetter(line.peek().charAt(0)) && !line.peek().equals("size");
        String name = named ? line.name() : null;
        String vmsd = line.peek().startsWith("\"") ? line.quoted() : name == null ? "" : name;
        Expression size = line.expression();
        boolean cut = line.take("cut");
        return new Item.Overlay(name, vmsd, size, cut, block(line));
      }
      case "subsection" -> {
        return subsection(line);
      }
      case "chain" -> {
        return chain(line);
      }
      case "group" -> {
        return group(line, "", null);
      }
      default -> {
        return word.startsWith("guest") || ScalarType.of(word).isPresent()
            ? number(line, word)
            : group(line, word, tables.struct(word));
      }
    }
  }

  private Item number(Tokens line, String typeName) {
    Optional<ScalarType> type = ScalarType.of(typeName);
    if (type.isEmpty() && !Set.of("guest16", "guest32", "guest64").contains(typeName)) {
      throw line.bad("no type of number is called '%s'".formatted(typeName));
    }
    String name = line.text();
    Expression count = null;
    if (line.take("[")) {
      count = line.expression();
      line.expect("]");
    }
    Item.Range range = null;
    if (line.take("=")) {
      Expression value = line.expression();
      range = new Item.Range(value, value);
    } else if (line.take("in")) {
      range = range(line);
    }
    line.end();
    int width =
        type.map(ScalarType::width)
            .orElseGet(() -> Integer.parseInt(typeName.substring("guest".length())) / 8);
    return new Item.Number(type.orElse(null), width, name, count, range, namings(new Naming()));
  }

  private static Item.Range range(Tokens line) {
    Expression least = line.sum();
    line.expect("..");
    return new Item.Range(least, line.sum());
  }

  private Item group(Tokens line, String vmsd, Item.@Nullable Block struct) {
    String name = line.text();
    Expression count = null;
    Expression fold = null;
    if (line.take("[")) {
      count = line.expression();
      line.expect("]");
      fold = line.take("fold") ? line.sum() : null;
    }
    Item.Block items = struct;
    if (items == null) {
      items = block(line);
    } else {
      line.end();
    }
    return new Item.Group(name, vmsd, items, count, null, fold);
  }

  private Item subsection(Tokens line) {
    String name = line.quoted();
    long version = line.number();
    String as = line.take("as") ? line.name() : null;
    String needed = "";
    Expression condition = null;
    if (line.take("needed")) {
      needed = line.quoted();
      condition = line.take("if") ? line.expression() : null;
    }
    if (!needed.isEmpty()) {
      tables.needed.putIfAbsent(name, needed);
    }
    return new Item.Subsection(name, version, as, needed, condition, block(line));
  }

  private Item chain(Tokens line) {
    line.expect("first");
    Expression first = line.expression();
    line.expect("id");
    Expression id = line.expression();
    line.expect("next");
    Expression next = line.expression();
    line.expect("in");
    Item.Range offsets = range(line);
    Expression until = line.take("until") ? line.sum() : null;
    Expression again = line.take("while") ? line.expression() : null;
    open(line);
    Map<Long, Item.Link> links = new HashMap<>();
    Item.Link otherwise = null;
    while (!closed()) {
      Tokens entry = next();
      boolean rest = entry.take("else");
      long number = rest ? -1 : entry.number();
      String struct = entry.name();
      String name = entry.done() ? struct : entry.text();
      entry.end();
      Item.Link link = new Item.Link(name, struct, tables.struct(struct));
      if (rest) {
        otherwise = link;
      } else {
        links.put(number, link);
      }
    }
    return new Item.Chain(first, id, next, offsets, until, again, Map.copyOf(links), otherwise);
  }
}
