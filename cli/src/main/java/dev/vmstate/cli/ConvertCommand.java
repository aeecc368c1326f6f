package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmstate.bytes.Progress;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.convert.Conversion;
import dev.vmstate.convert.DomainMatch;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** One container to another. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    description = "Writes the snapshot in another container; RAM and device state stay the same.",
    footer = {
      "",
      "Example:",
      "  vmstate convert vm.mig --to qemu-mapped-ram -o vm.mapped",
      "  vmstate convert vm.mig --to libvirt-save --domain-xml vm.xml -o vm.save",
      "  vmstate convert vm.mig --to qcow2 --disk disk.qcow2 --name before -o new.qcow2",
      "  vmstate convert vm.mig --to vmstate-kvm -o dir",
      "  vmstate convert dir --to qemu-stream --like vm.mig -o new.mig"
    })
final class ConvertCommand implements Callable<Integer> {
  /** What can be written. */
  enum Form {
    QEMU_STREAM("qemu-stream"),
    QEMU_MAPPED_RAM("qemu-mapped-ram"),
    LIBVIRT_SAVE("libvirt-save"),
    QCOW2("qcow2"),
    VMSTATE_KVM("vmstate-kvm");

    private final String label;

    Form(String label) {
      this.label = label;
    }

    @Override
    public String toString() {
      return label;
    }
  }

  /** For the completion script and the help. */
  static final class Forms implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return List.of(Form.values()).stream().map(Form::toString).iterator();
    }
  }

  @Spec private CommandSpec spec;
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      required = true,
      completionCandidates = Forms.class,
      description = "One of ${COMPLETION-CANDIDATES}.")
  private Form form;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "The new file; for vmstate-kvm the new directory.")
  private Path out;

  @Option(
      names = "--domain-xml",
      paramLabel = "FILE",
      description = {
        "For libvirt-save: the domain XML of the machine ('virsh dumpxml --migratable NAME').",
        "A libvirt save image has one already."
      })
  private @Nullable Path domainXml;

  @Option(
      names = "--disk",
      paramLabel = "IMAGE",
      description = "For qcow2: the disk image the snapshot is put into; OUT is a copy of it.")
  private @Nullable Path disk;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "For qcow2: the new snapshot's name ('vmstate').")
  private @Nullable String name;

  @Option(
      names = "--like",
      paramLabel = "TEMPLATE",
      description = {
        "For qemu-stream, of a directory of the KVM runner: a",
        "stream QEMU saved of a machine of the same shape. CPUs,",
        "interrupt controllers, timer, serial port and memory",
        "become the directory's, other devices stay as they are."
      })
  private @Nullable String like;

  @Override
  public Integer call() throws Exception {
    check();
    if (KvmContainer.isDirectory(snapshot.source())) {
      SnapshotName template = template();
      try (EditableSnapshot opened = snapshot.openEditable()) {
        new KvmConversion(output, out).toStream(opened, template);
      }
      return 0;
    }
    try (StreamSnapshot opened = snapshot.openStream()) {
      if (form == Form.VMSTATE_KVM) {
        new KvmConversion(output, out).toKvm(opened);
        return 0;
      }
      convert(opened, output.progress());
    }
    report();
    return 0;
  }

  /** A runner's machine lacks most of QEMU's devices: they come from elsewhere. */
  private SnapshotName template() {
    if (form != Form.QEMU_STREAM || like == null) {
      throw new ParameterException(
          spec.commandLine(),
          "a directory of the KVM runner has no devices of QEMU's: say --to %s --like TEMPLATE, a"
                  .formatted(Form.QEMU_STREAM)
              + " stream that QEMU saved of a machine of the same shape");
    }
    return SnapshotName.parse(like);
  }

  private void convert(StreamSnapshot opened, Progress progress) throws IOException {
    switch (form) {
      case QEMU_STREAM -> Conversion.toStream(opened, out, progress);
      case QEMU_MAPPED_RAM -> Conversion.toMappedRam(opened, out, progress);
      case LIBVIRT_SAVE -> toLibvirt(opened, progress);
      case QCOW2 -> toQcow2(opened, progress);
      case VMSTATE_KVM -> throw new IllegalStateException(form.toString());
    }
  }

  private void check() throws IOException {
    if (domainXml != null && form != Form.LIBVIRT_SAVE) {
      throw new ParameterException(
          spec.commandLine(), "--domain-xml belongs to --to " + Form.LIBVIRT_SAVE);
    }
    if (like != null && !KvmContainer.isDirectory(snapshot.source())) {
      throw new ParameterException(
          spec.commandLine(), "--like belongs to a directory of the KVM runner");
    }
    if ((disk != null || name != null) && form != Form.QCOW2) {
      throw new ParameterException(
          spec.commandLine(), "--disk and --name belong to --to " + Form.QCOW2);
    }
  }

  private void toQcow2(StreamSnapshot opened, Progress progress) throws IOException {
    if (disk == null) {
      throw new ParameterException(
          spec.commandLine(),
          "a snapshot inside qcow2 belongs to a disk: name its image with --disk IMAGE");
    }
    Conversion.toQcow2(opened, disk, name == null ? "vmstate" : name, out, progress);
  }

  /** With the given XML, or with everything that a libvirt save image has besides the stream. */
  private void toLibvirt(StreamSnapshot opened, Progress progress) throws IOException {
    Optional<SaveImage> old =
        opened.holder() instanceof LibvirtContainer libvirt
            ? Optional.of(libvirt.image())
            : Optional.empty();
    if (domainXml == null && old.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(),
          "libvirt starts QEMU by the domain's XML: name it with --domain-xml FILE");
    }
    String place = domainXml == null ? opened.source() + ": domain XML" : domainXml.toString();
    byte[] xml = domainXml == null ? old.get().domainXml() : Files.readAllBytes(domainXml);
    DomainMatch match = DomainMatch.of(opened, DomainXml.parse(place, xml));
    match.warnings().forEach(warning -> output.err().println("vmstate: " + warning));
    Conversion.toLibvirt(
        opened,
        xml,
        old.flatMap(SaveImage::cookie),
        old.map(image -> image.header().wasRunning() != 0).orElse(match.running()),
        out,
        progress);
  }

  private void report() throws Exception {
    if (output.json) {
      output.print(
          JsonNodeFactory.instance
              .objectNode()
              .put("file", out.toString())
              .put("container", form.toString())
              .put("bytes", Files.size(out)));
    } else if (!output.quiet) {
      output.out().printf("%s  %s, %s%n", out, form, Sizes.text(Files.size(out)));
    }
  }
}
