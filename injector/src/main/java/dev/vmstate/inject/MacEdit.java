package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.core.edit.GuestMac;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.exchange.GuestObjects;
import dev.vmstate.firmware.TableEdit;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.linked.Checksums;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.MacSearch;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A new MAC address for one card: in every copy the card's state holds and, in a libvirt save
 * image, in the domain XML, by which libvirt starts QEMU. Where the XML changes, what QEMU makes of
 * its command line's address and compares while loading has to change with it (e1000e, igb).
 */
public final class MacEdit {
  private static final String ORIGIN = "set-mac";

  private final EditableSnapshot snapshot;
  private final Nic nic;
  private final MacAddress mac;
  private final EditSet fields = new EditSet();
  private final Optional<SaveImageEdit> saved;
  private final List<String> limits = new ArrayList<>();
  private final List<InjectionReport.Metadata> named = new ArrayList<>();
  private Optional<MemoryEdits> memory = Optional.empty();

  /** Decides what changes, in the places that are known for the model. */
  public MacEdit(EditableSnapshot snapshot, Nic nic, MacAddress mac) throws IOException {
    this(snapshot, nic, mac, false);
  }

  /**
   * Decides what changes.
   *
   * @param allCopies also whatever else looks like the old address in the card's state
   * @throws IOException when neither the state nor a domain XML holds an address of the card
   */
  public MacEdit(EditableSnapshot snapshot, Nic nic, MacAddress mac, boolean allCopies)
      throws IOException {
    this.snapshot = snapshot;
    this.nic = nic;
    this.mac = mac;
    this.saved = SaveImageEdit.of(snapshot.holder());
    boolean inXml = saved.isPresent() && inDomainXml(saved.get(), nic, mac);
    if (nic.copies().isEmpty() && !inXml) {
      throw new IOException(
          "%s: the state of %s holds no MAC address: it comes from QEMU's command line"
              .formatted(snapshot.source(), nic.id()));
    }
    for (Nic.Copy copy : nic.copies()) {
      for (FieldEdit edit : copy.set(mac, ORIGIN)) {
        fields.add(inXml ? edit.withNote("") : edit); // what they note is about the command line
      }
    }
    if (inXml) {
      Optional<Nic.Copy> serial = Nics.followsCommandLine(nic);
      if (serial.isPresent()) {
        fields.addAll(serial.get().set(mac, ORIGIN));
      }
    }
    List<Nic.Copy> more = MacSearch.find(nic, snapshot.devices(), known(nic));
    for (Nic.Copy copy : more) {
      if (allCopies) {
        fields.addAll(copy.set(mac, ORIGIN + " --all-copies"));
      } else {
        limits.add(copy.what() + ": looks like the old address too; --all-copies changes it");
      }
    }
    Checksums.follow(snapshot.devices(), fields, ORIGIN);
    limits.addAll(inXml ? Nics.limitsBesidesCommandLine(nic) : nic.limits());
  }

  /**
   * Also changes what the guest's Linux has of the address in its memory.
   *
   * @param vmlinux its kernel's, if that does not say itself how its structures are laid out
   * @throws IOException when the guest has no Linux, or none of its interfaces has the address
   */
  public void guest(Optional<Path> vmlinux, Progress progress) throws IOException {
    MacAddress old =
        nic.mac()
            .orElseThrow(
                () ->
                    new IOException(
                        "%s: the state of %s holds no MAC address: there is nothing to look for in the guest"
                            .formatted(snapshot.source(), nic.id())));
    KernelObjects objects = GuestObjects.of(snapshot, vmlinux, progress);
    MemoryEdits edits = new MemoryEdits(snapshot);
    GuestMac guest;
    try {
      guest = GuestMac.change(objects, edits, old, mac);
    } catch (IOException e) {
      throw new IOException("%s: %s".formatted(snapshot.source(), e.getMessage()), e);
    }
    for (TableEdit edit : guest.edits()) {
      named.add(
          new InjectionReport.Metadata(
              edit.path(), edit.before(), edit.after(), ORIGIN + " --guest", List.of()));
    }
    memory = Optional.of(edits);
    limits.remove(Nics.GUEST);
    limits.addAll(guest.limits());
  }

  /** Every place that a rule speaks of: what changes when no byte of the address stays. */
  private static EditSet known(Nic nic) throws IOException {
    EditSet known = new EditSet();
    byte[] other = nic.mac().map(MacAddress::bytes).orElse(new byte[6]);
    for (int i = 0; i < other.length; i++) {
      other[i] ^= (byte) 0xff;
    }
    for (Nic.Copy copy : nic.copies()) {
      known.addAll(copy.set(MacAddress.of(other), ORIGIN));
    }
    return known;
  }

  private boolean inDomainXml(SaveImageEdit edit, Nic nic, MacAddress mac) {
    DomainXml domain;
    try {
      domain = edit.image().domain();
    } catch (FormatException e) {
      limits.add("the domain XML, which cannot be read: " + e.getMessage());
      return false;
    }
    Optional<DomainXml.Interface> card = interfaceOf(domain, nic);
    Optional<DomainXml.Value> old = card.flatMap(DomainXml.Interface::mac);
    if (card.isEmpty() || old.isEmpty()) {
      limits.add("the domain XML: it has no <interface> that is this card, or it has no address");
      return false;
    }
    String was = old.get().text();
    edit.mac(domain, card.get(), old.get(), mac.toString(), ORIGIN);
    if (mentions(edit.image().domainXml(), was)) {
      limits.add("other places of the domain XML that mention " + was);
    }
    return true;
  }

  /** In {@code <qemu:commandline>} or {@code <metadata>}, say. */
  private static boolean mentions(byte[] xml, String mac) {
    String text = new String(xml, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
    return text.contains(mac.toLowerCase(Locale.ROOT));
  }

  /** By its PCI path; where none of them has that, by its address. */
  private static Optional<DomainXml.Interface> interfaceOf(DomainXml domain, Nic nic) {
    String section = nic.section().name();
    String path = section.substring(0, Math.max(0, section.lastIndexOf('/')));
    List<DomainXml.Interface> there =
        domain.interfaces().stream()
            .filter(card -> card.pciPath().equals(Optional.of(path)))
            .toList();
    if (there.isEmpty() && nic.mac().isPresent()) {
      String mac = nic.mac().get().toString();
      there =
          domain.interfaces().stream()
              .filter(card -> card.mac().filter(m -> m.text().equalsIgnoreCase(mac)).isPresent())
              .toList();
    }
    return there.size() == 1 ? Optional.of(there.get(0)) : Optional.empty();
  }

  /** The edits of the stream. */
  public EditSet fields() {
    return fields;
  }

  /** The edit of the domain XML, in a libvirt save image. */
  public Optional<SaveImageEdit> saved() {
    return saved;
  }

  /** Of which snapshot. */
  EditableSnapshot snapshot() {
    return snapshot;
  }

  /** The edits of the guest's memory, if there are any. */
  Optional<MemoryEdits> memory() {
    return memory;
  }

  /** What they mean. */
  List<InjectionReport.Metadata> named() {
    return List.copyOf(named);
  }

  /** What keeps the old address, for people. */
  public List<String> limits() {
    return limits;
  }
}
