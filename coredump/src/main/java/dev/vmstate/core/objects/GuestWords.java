package dev.vmstate.core.objects;

/** Words of a guest in our own sentences, which go to a person's terminal. */
public final class GuestWords {
  private GuestWords() {}

  /** With every character but ASCII's visible ones as {@code \x1b}; Latin-1 is expected. */
  public static String printable(String text) {
    StringBuilder shown = new StringBuilder();
    text.chars()
        .forEach(
            c -> {
              if (c >= ' ' && c < 0x7f) {
                shown.append((char) c);
              } else {
                shown.append("\\x%02x".formatted(c));
              }
            });
    return shown.toString();
  }
}
