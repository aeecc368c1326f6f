package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.convert.kvm.IntoTemplate;
import dev.vmstate.convert.kvm.KvmForm;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Between QEMU's streams and the directories of the KVM runner: what goes over is said first. */
final class KvmConversion {
  private final Output output;
  private final Path out;

  KvmConversion(Output output, Path out) {
    this.output = output;
    this.out = out;
  }

  /** To a directory. */
  void toKvm(StreamSnapshot opened) throws IOException {
    KvmForm form = new KvmForm(opened);
    List<String> devices = form.leftBehind();
    say("devices that 'vmstate resume' does not have, left behind", devices);
    say("state that KVM has no place for", form.unmapped());
    say("memory of devices, left behind", form.leftMemory());
    form.writeTo(out, output.progress());
    if (output.json) {
      ObjectNode node = node(ConvertCommand.Form.VMSTATE_KVM);
      list(node, "devices_left_behind", devices);
      list(node, "unmapped", form.unmapped());
      list(node, "memory_left_behind", form.leftMemory());
      list(node, "mended", form.mended());
      output.print(node);
    } else if (!output.quiet) {
      output.out().printf("%s  %s%n", out, ConvertCommand.Form.VMSTATE_KVM);
      form.mended().forEach(mended -> output.out().println("  " + mended));
    }
  }

  /** Into a stream that is like the one to be. */
  void toStream(EditableSnapshot opened, SnapshotName like) throws IOException {
    try (StreamSnapshot template = SnapshotArgument.openStream(like);
        IntoTemplate conversion = new IntoTemplate(opened, template)) {
      say("no place in " + like, conversion.missing());
      InjectionReport report = conversion.writeTo(out, output.progress());
      if (output.json) {
        ObjectNode node = node(ConvertCommand.Form.QEMU_STREAM);
        node.put("bytes", Files.size(out)).put("like", like.toString());
        node.put("fields", conversion.fields()).put("pages", report.pages());
        list(node, "no_place", conversion.missing());
        output.print(node);
      } else if (!output.quiet) {
        output
            .out()
            .printf(
                "%s  %s, %s: %s with %d fields and %d pages of %s%n",
                out,
                ConvertCommand.Form.QEMU_STREAM,
                Sizes.text(Files.size(out)),
                like,
                conversion.fields(),
                report.pages(),
                opened.source());
      }
    }
  }

  private ObjectNode node(ConvertCommand.Form form) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("file", out.toString())
        .put("container", form.toString());
  }

  private static void list(ObjectNode node, String name, List<String> values) {
    values.forEach(node.putArray(name)::add);
  }

  /** On standard error, before anything is written. */
  private void say(String what, List<String> names) {
    if (!names.isEmpty() && !output.quiet) {
      output.err().printf("vmstate: %s: %s%n", what, GuestText.line(String.join(", ", names)));
      output.err().flush();
    }
  }
}
