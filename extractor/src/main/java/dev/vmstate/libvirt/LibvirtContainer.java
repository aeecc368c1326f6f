package dev.vmstate.libvirt;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OpenSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.Payload;
import dev.vmstate.container.SnapshotName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A libvirt save image: metadata, and behind them a stream, which may be compressed. */
public final class LibvirtContainer implements Container {
  private final SnapshotName source;
  private final SaveImage image;
  private final Payload payload;

  /** Reads the metadata; closes {@code file} with itself. */
  public LibvirtContainer(SnapshotName source, OpenSource file) throws IOException {
    this.source = source;
    this.image = SaveImage.read(file);
    long at = image.payloadAt();
    this.payload = new Payload(file, at, Payload.detect(file, at));
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
    return payload.stream();
  }

  @Override
  public Optional<Payload> payload() {
    return Optional.of(payload);
  }

  @Override
  public long streamAt() {
    return payload.compression().isPresent() ? 0 : image.payloadAt();
  }

  @Override
  public long fileSize() {
    return payload.file().size();
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
    facts.add(new Fact("wasRunning", image.header().wasRunning() == 0 ? "no" : "yes"));
    facts.add(new Fact("format", image.format().word()));
    facts.add(new Fact("offset", "0x" + Long.toHexString(image.payloadAt())));
    int length = image.domainXml().length;
    facts.add(new Fact("xmlBytes", "" + length));
    facts.add(new Fact("xmlRoom", "" + Math.max(0, image.mostXml() - length)));
    image.cookie().ifPresent(cookie -> facts.add(new Fact("cookieBytes", "" + cookie.length)));
    if (!notes.isEmpty()) {
      facts.add(new Fact("note", String.join("; ", notes)));
    }
    return facts;
  }

  @Override
  public void close() throws IOException {
    payload.close();
  }
}
