package dev.vmstate.layout;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One line of a table, word by word, and the expressions in it. */
final class Tokens {
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(\"[^\"]*\"|0[xX][0-9a-fA-F]+|[0-9]+|[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*"
              + "|\\.\\.|==|!=|<=|>=|<<|>>|&&|\\|\\||[-+*/%&|^~!<>=()\\[\\]{}@?:])");

  /** Binary operators, those that bind loosest first. */
  private static final List<List<String>> LEVELS =
      List.of(
          List.of("||"),
          List.of("&&"),
          List.of("==", "!=", "<", "<=", ">", ">="),
          List.of("|"),
          List.of("^"),
          List.of("&"),
          List.of("<<", ">>"),
          List.of("+", "-"),
          List.of("*", "/", "%"));

  private final String where;
  private final List<String> words = new ArrayList<>();
  private int at;

  /** {@code where}: file and line, for messages. */
  Tokens(String line, String where) {
    this.where = where;
    Matcher matcher = TOKEN.matcher(line);
    int end = 0;
    while (end < line.length() && matcher.region(end, line.length()).lookingAt()) {
      words.add(matcher.group(1));
      end = matcher.end();
    }
    if (!line.substring(end).isBlank()) {
      throw bad("'%s' is no word".formatted(line.substring(end).trim()));
    }
  }

  IllegalArgumentException bad(String why) {
    return new IllegalArgumentException(where + ": " + why);
  }

  boolean done() {
    return at == words.size();
  }

  /** The next word without taking it, or an empty one at the end. */
  String peek() {
    return done() ? "" : words.get(at);
  }

  /** Takes the next word if it is {@code word}. */
  boolean take(String word) {
    if (peek().equals(word)) {
      at++;
      return true;
    }
    return false;
  }

  void expect(String word) {
    if (!take(word)) {
      throw bad("'%s' where '%s' is expected".formatted(peek(), word));
    }
  }

  void end() {
    if (!done()) {
      throw bad("'%s' is too much".formatted(peek()));
    }
  }

  String name() {
    String word = peek();
    if (word.isEmpty() || !Character.isLetter(word.charAt(0)) && word.charAt(0) != '_') {
      throw bad("'%s' where a name is expected".formatted(word));
    }
    at++;
    return word;
  }

  /** A name, or any text in quotes. */
  String text() {
    return peek().startsWith("\"") ? quoted() : name();
  }

  String quoted() {
    String word = peek();
    if (!word.startsWith("\"")) {
      throw bad("'%s' where text in quotes is expected".formatted(word));
    }
    at++;
    return word.substring(1, word.length() - 1);
  }

  long number() {
    String word = peek();
    try {
      long value = Long.decode(word);
      at++;
      return value;
    } catch (NumberFormatException e) {
      throw bad("'%s' where a number is expected".formatted(word));
    }
  }

  boolean atNumber() {
    return !done() && Character.isDigit(peek().charAt(0));
  }

  Expression expression() {
    Expression condition = level(0);
    if (!take("?")) {
      return condition;
    }
    Expression yes = expression();
    expect(":");
    Expression no = expression();
    return scope -> condition.value(scope) != 0 ? yes.value(scope) : no.value(scope);
  }

  /** An expression without comparisons, as in {@code in A..B}. */
  Expression sum() {
    return level(3);
  }

  private Expression level(int level) {
    if (level == LEVELS.size()) {
      return unary();
    }
    Expression left = level(level + 1);
    while (LEVELS.get(level).contains(peek())) {
      left = binary(words.get(at++), left, level(level + 1));
    }
    return left;
  }

  private Expression unary() {
    if (take("!")) {
      Expression of = unary();
      return scope -> of.value(scope) == 0 ? 1 : 0;
    }
    if (take("-")) {
      Expression of = unary();
      return scope -> -of.value(scope);
    }
    if (take("~")) {
      Expression of = unary();
      return scope -> ~of.value(scope);
    }
    if (take("(")) {
      Expression inner = expression();
      expect(")");
      return inner;
    }
    if (atNumber()) {
      long number = number();
      return scope -> number;
    }
    String name = name();
    if (!take("(")) {
      return scope -> scope.decoder().value(scope, name);
    }
    if (name.equals("has")) {
      String wanted = name();
      expect(")");
      return scope -> scope.find(wanted) != null ? 1 : 0;
    }
    if (name.equals("device")) {
      String glob = quoted();
      expect(")");
      return scope -> scope.decoder().named(glob) ? 1 : 0;
    }
    Expression offset = expression();
    expect(")");
    return switch (name) {
      case "u8" -> scope -> scope.decoder().peek(offset.value(scope), 1, true);
      case "le16" -> scope -> scope.decoder().peek(offset.value(scope), 2, true);
      case "le32" -> scope -> scope.decoder().peek(offset.value(scope), 4, true);
      case "be16" -> scope -> scope.decoder().peek(offset.value(scope), 2, false);
      case "be32" -> scope -> scope.decoder().peek(offset.value(scope), 4, false);
      case "be64" -> scope -> scope.decoder().peek(offset.value(scope), 8, false);
      default -> throw bad("no function '%s'".formatted(name));
    };
  }

  private static Expression binary(String operator, Expression a, Expression b) {
    return switch (operator) {
      case "||" -> scope -> a.value(scope) != 0 || b.value(scope) != 0 ? 1 : 0;
      case "&&" -> scope -> a.value(scope) != 0 && b.value(scope) != 0 ? 1 : 0;
      case "==" -> scope -> a.value(scope) == b.value(scope) ? 1 : 0;
      case "!=" -> scope -> a.value(scope) != b.value(scope) ? 1 : 0;
      case "<" -> scope -> a.value(scope) < b.value(scope) ? 1 : 0;
      case "<=" -> scope -> a.value(scope) <= b.value(scope) ? 1 : 0;
      case ">" -> scope -> a.value(scope) > b.value(scope) ? 1 : 0;
      case ">=" -> scope -> a.value(scope) >= b.value(scope) ? 1 : 0;
      case "|" -> scope -> a.value(scope) | b.value(scope);
      case "^" -> scope -> a.value(scope) ^ b.value(scope);
      case "&" -> scope -> a.value(scope) & b.value(scope);
      case "<<" -> scope -> a.value(scope) << b.value(scope);
      case ">>" -> scope -> a.value(scope) >>> b.value(scope);
      case "+" -> scope -> a.value(scope) + b.value(scope);
      case "-" -> scope -> a.value(scope) - b.value(scope);
      case "*" -> scope -> a.value(scope) * b.value(scope);
      case "/" -> scope -> divide(scope, a, b, false);
      default -> scope -> divide(scope, a, b, true);
    };
  }

  private static long divide(Scope scope, Expression a, Expression b, boolean rest)
      throws IOException {
    long by = b.value(scope);
    if (by == 0) {
      throw scope.decoder().bad("a division by zero");
    }
    return rest ? a.value(scope) % by : a.value(scope) / by;
  }
}
