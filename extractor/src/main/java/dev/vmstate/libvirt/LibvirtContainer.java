package dev.vmstate.libvirt;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Container;
import dev.vmstate.container.FileSource;
import dev.vmstate.container.SliceSource;
import dev.vmstate.container.SnapshotName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A libvirt save image: metadata, and behind them a stream, which may be compressed. */
public final class LibvirtContainer implements Container {
  private final SnapshotName source;
  private final FileSource file;
  private final SaveImage image;
  private final ByteSource stream;

  /** Reads the metadata; closes {@code file} with itself. */
  public LibvirtContainer(SnapshotName source, FileSource file) throws IOException {
    this.source = source;
    this.file = file;
    this.image = SaveImage.read(file);
    ByteSource payload = new SliceSource(file, image.payloadAt(), file.size() - image.payloadAt());
    this.stream = image.format().compressed() ? unread(payload) : payload;
  }

  /** The metadata. */
  public SaveImage image() {
    return image;
  }

  @Override
  public String name() {
    return "libvirt-save";
  }

  @Override
  public SnapshotName source() {
    return source;
  }

  @Override
  public ByteSource stream() {
    return stream;
  }

  @Override
  public long streamAt() {
    return image.payloadAt();
  }

  @Override
  public long fileSize() {
    return file.size();
  }

  @Override
  public List<Fact> facts() {
    List<Fact> facts = new ArrayList<>();
    List<String> notes = new ArrayList<>(image.notes());
    try {
      DomainXml domain = image.domain();
      domain.name().ifPresent(name -> facts.add(new Fact("domain", name)));
      domain.uuid().ifPresent(uuid -> facts.add(new Fact("uuid", uuid)));
    } catch (FormatException e) {
      notes.add(e.getMessage());
    }
    facts.add(new Fact("was-running", image.header().wasRunning() == 0 ? "no" : "yes"));
    facts.add(new Fact("format", image.format().word()));
    facts.add(new Fact("offset", "0x" + Long.toHexString(image.payloadAt())));
    int length = image.domainXml().length;
    facts.add(new Fact("xml-bytes", "" + length));
    facts.add(new Fact("xml-room", "" + Math.max(0, image.mostXml() - length)));
    image.cookie().ifPresent(cookie -> facts.add(new Fact("cookie-bytes", "" + cookie.length)));
    if (!notes.isEmpty()) {
      facts.add(new Fact("note", String.join("; ", notes)));
    }
    return facts;
  }

  private ByteSource unread(ByteSource payload) {
    return new ByteSource() {
      @Override
      public String name() {
        return payload.name();
      }

      @Override
      public long size() {
        return payload.size();
      }

      @Override
      public void read(long offset, ByteBuffer into) throws IOException {
        throw new UnsupportedFormatException(
            file.name(),
            image.payloadAt(),
            "QEMU's part is compressed (%s), which this version does not read"
                .formatted(image.format().word()));
      }
    };
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
