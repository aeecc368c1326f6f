package dev.vmstate.hardware;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/** The schema of hardware.xml, written beside the document so that editors check and explain it. */
public final class HardwareXsd {
  /** The file name the document's {@code xsi:schemaLocation} gives. */
  public static final String FILE_NAME = "hardware.xsd";

  /** The namespace of every element. */
  public static final String NAMESPACE = "urn:vmstate:hardware:1";

  private HardwareXsd() {}

  /** The schema's bytes; the caller closes it. */
  public static InputStream open() throws IOException {
    InputStream xsd = HardwareXsd.class.getResourceAsStream(FILE_NAME);
    if (xsd == null) {
      throw new FileNotFoundException(FILE_NAME + " is missing beside " + HardwareXsd.class);
    }
    return xsd;
  }
}
