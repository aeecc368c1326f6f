package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.container.Container;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.libvirt.SaveImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Changes of what libvirt keeps before the stream: header words and the domain XML. As long as the
 * XML fits in its place only those bytes change; the stream does not have to be read for it.
 */
public final class SaveImageEdit {
  private static final String DOMAIN_XML = "domain.xml";

  /**
   * What virsh and libvirtd send each other is no longer (REMOTE_STRING_MAX): a longer XML could be
   * restored, but neither shown nor edited any more.
   */
  public static final int LONGEST_XML = 4 << 20;

  private final SaveImage before;
  private final List<InjectionReport.Metadata> changes = new ArrayList<>();
  private SaveImage after;

  private SaveImageEdit(SaveImage image) {
    this.before = image;
    this.after = image;
  }

  /** No change yet of a save image; empty for every other container. */
  public static Optional<SaveImageEdit> of(Container container) {
    return container instanceof LibvirtContainer libvirt
        ? Optional.of(new SaveImageEdit(libvirt.image()))
        : Optional.empty();
  }

  /** Whether libvirt starts the CPUs after restoring. */
  public void wasRunning(boolean running, String origin) {
    change(
        "libvirt/was_running",
        "" + after.header().wasRunning(),
        running ? "1" : "0",
        origin,
        after.with(after.header().withWasRunning(running)));
  }

  /** Whether libvirt takes the image as finished. */
  public void complete(boolean complete, String origin) {
    change(
        "libvirt/complete",
        after.header().complete() ? "1" : "0",
        complete ? "1" : "0",
        origin,
        after.with(after.header().withComplete(complete)));
  }

  /**
   * Another domain XML.
   *
   * @param place what errors call it
   * @throws FormatException when libvirt could not read it
   */
  public void domainXml(byte[] xml, String place, String origin) throws IOException {
    if (xml.length > LONGEST_XML) {
      throw new IOException(
          "%s: has %d bytes, libvirt handles at most %d".formatted(place, xml.length, LONGEST_XML));
    }
    DomainXml domain = DomainXml.parse(place, xml);
    if (Arrays.equals(xml, after.domainXml())) {
      return;
    }
    changes.add(
        new InjectionReport.Metadata(
            DOMAIN_XML,
            after.domainXml().length + " bytes",
            xml.length + " bytes",
            origin,
            DomainChange.warnings(after, domain)));
    after = after.withDomainXml(xml);
  }

  /** Another address of one interface. */
  void mac(
      DomainXml domain, DomainXml.Interface card, DomainXml.Value old, String mac, String origin) {
    String name =
        card.alias().or(card::target).orElse("%d".formatted(domain.interfaces().indexOf(card)));
    change(
        "%s/interface[%s]/mac".formatted(DOMAIN_XML, name),
        old.text(),
        mac,
        origin,
        after.withDomainXml(domain.with(old, mac)));
  }

  /** Another machine type, where the domain XML says the old one. */
  public void machine(String old, String name, String origin) {
    DomainXml domain;
    try {
      domain = after.domain();
    } catch (FormatException e) {
      return; // then there is no telling what libvirt makes of it
    }
    Optional<DomainXml.Value> place = domain.machineValue();
    if (place.isPresent() && place.get().text().equals(old)) {
      change(
          DOMAIN_XML + "/machine",
          old,
          name,
          origin,
          after.withDomainXml(domain.with(place.get(), name)));
    }
  }

  private void change(String path, String was, String becomes, String origin, SaveImage changed) {
    if (!was.equals(becomes)) {
      changes.add(new InjectionReport.Metadata(path, was, becomes, origin, List.of()));
    }
    after = changed;
  }

  /** The image as it will be. */
  public SaveImage image() {
    return after;
  }

  List<InjectionReport.Metadata> changes() {
    return changes;
  }

  /** Where the stream or what it is packed in starts now. */
  long oldPayloadAt() {
    return before.payloadAt();
  }

  /** By how many bytes that moves. */
  long growth() {
    return after.payloadAt() - before.payloadAt();
  }

  /** Everything before the payload, as it will be. */
  byte[] front() {
    return after.front();
  }

  /** The bytes that change where they stand; only when nothing moves. */
  List<Patch> patches() {
    byte[] was = before.front();
    byte[] becomes = after.front();
    List<Patch> patches = new ArrayList<>();
    int at = Arrays.mismatch(was, becomes);
    while (at >= 0) {
      int end = at + 1;
      while (end < was.length && was[end] != becomes[end]) {
        end++;
      }
      patches.add(Patch.of(at, Arrays.copyOfRange(becomes, at, end)));
      int next = Arrays.mismatch(was, end, was.length, becomes, end, becomes.length);
      at = next < 0 ? -1 : end + next;
    }
    return patches;
  }
}
