package dev.vmstate.cli;

/**
 * Whether output goes to a terminal. Java cannot ask about one stream, so the launcher does and
 * says so in system properties.
 */
final class Terminal {
  private Terminal() {}

  static boolean stderr() {
    return Boolean.getBoolean("vmstate.terminal.stderr");
  }

  static boolean stdout() {
    return Boolean.getBoolean("vmstate.terminal.stdout");
  }
}
