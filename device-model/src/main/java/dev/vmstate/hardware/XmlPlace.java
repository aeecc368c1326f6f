package dev.vmstate.hardware;

import java.util.ArrayDeque;
import java.util.Deque;

/** Where in the machine the reader is: the context of errors, the origins and paths of edits. */
final class XmlPlace {
  private final String file;
  private String part = "";
  private String root = "";
  private final Deque<String> labels = new ArrayDeque<>();

  XmlPlace(String file) {
    this.file = file;
  }

  /** Enters a device, CPU or NIC; {@code description} is for errors, {@code path} for edits. */
  void enterPart(String description, String path) {
    part = description;
    root = path;
    labels.clear();
  }

  void leavePart() {
    enterPart("", "");
  }

  /** Enters a field of the device. */
  void enter(String label) {
    labels.addLast(label);
  }

  void leave() {
    labels.removeLast();
  }

  /** The path of the field the reader is in: labels joined with slashes. */
  String path() {
    return labels.isEmpty() ? root : root + "/" + fields();
  }

  /** The same place, for errors about a part of it. */
  XmlPlace about(String what) {
    XmlPlace about = new XmlPlace(file);
    about.part = part.isEmpty() ? what : part + ", " + what;
    return about;
  }

  /** Who asks for an edit. */
  String origin(int line) {
    return file + " line " + line;
  }

  /** An error about the field, device or CPU the reader is in. */
  HardwareXmlException bad(int line, String what) {
    String where = part.isEmpty() ? "" : part + ": ";
    if (!labels.isEmpty()) {
      where = "%s, field '%s': ".formatted(part, fields());
    }
    return new HardwareXmlException(file, line, XmlNames.printable(where + what));
  }

  private String fields() {
    return String.join("/", labels);
  }
}
