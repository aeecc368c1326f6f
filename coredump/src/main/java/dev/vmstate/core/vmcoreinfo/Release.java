package dev.vmstate.core.vmcoreinfo;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The first two numbers of a kernel's release: all that its source code's history is told in. */
record Release(int major, int minor) implements Comparable<Release> {
  private static final Pattern NUMBERS = Pattern.compile("(\\d{1,4})\\.(\\d{1,4}).*");

  /** Of {@code 6.1.0-56-cloud-amd64}; 0.0 when there are no numbers. */
  static Release of(String text) {
    Matcher numbers = NUMBERS.matcher(text);
    return numbers.matches()
        ? new Release(Integer.parseInt(numbers.group(1)), Integer.parseInt(numbers.group(2)))
        : new Release(0, 0);
  }

  boolean since(String other) {
    return compareTo(of(other)) >= 0;
  }

  @Override
  public int compareTo(Release other) {
    return major != other.major
        ? Integer.compare(major, other.major)
        : Integer.compare(minor, other.minor);
  }
}
