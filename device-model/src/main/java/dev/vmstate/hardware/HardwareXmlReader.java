package dev.vmstate.hardware;

import dev.vmstate.device.EditConflictException;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/**
 * Reads what {@link HardwareXmlWriter} writes, after a person had it in an editor. The document is
 * read as a stream; what differs from the snapshot other than by a value is refused, with the line.
 */
public final class HardwareXmlReader {
  private HardwareXmlReader() {}

  /**
   * What the document changes.
   *
   * @param fileName the document's name, for errors and for the origin of edits
   * @param current the snapshot the document was made from
   * @return one edit per changed number, register, array element or range of bytes, in document
   *     order; they do not contradict each other
   * @throws HardwareXmlException when the document is not one of this snapshot
   * @throws EditConflictException when two places of it ask for different bytes in the same field
   */
  public static List<FieldEdit> edits(InputStream in, String fileName, HardwareState current)
      throws IOException {
    XmlPlace place = new XmlPlace(fileName);
    LockStep lockStep = new LockStep(current, place);
    HardwareXmlGrammar.read(in, place, lockStep);
    return lockStep.edits();
  }

  /**
   * Every device's bytes, made from the document alone: proof that it left nothing out. At most 64
   * MiB of them; a machine has less than one, unless a graphics card saves its pictures.
   *
   * @throws HardwareXmlException when the document breaks the grammar, or asks for more
   */
  public static List<DevicePayload> payloads(InputStream in, String fileName) throws IOException {
    return payloads(in, fileName, 64L << 20);
  }

  /**
   * The same with another limit: folded runs let a line of text ask for any number of bytes, and
   * here they are all held.
   */
  public static List<DevicePayload> payloads(InputStream in, String fileName, long maxBytes)
      throws IOException {
    XmlPlace place = new XmlPlace(fileName);
    PayloadBuilder builder = new PayloadBuilder(place, maxBytes);
    HardwareXmlGrammar.read(in, place, builder);
    return builder.payloads();
  }
}
