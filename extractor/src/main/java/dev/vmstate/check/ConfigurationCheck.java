package dev.vmstate.check;

import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.Configuration;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The head of the stream: machine type, capabilities, page size ({@code migration/savevm.c},
 * configuration_post_load and configuration_validate_capabilities), and whether sections end with
 * footers.
 */
final class ConfigurationCheck {
  private static final String SECTION = "configuration";

  private ConfigurationCheck() {}

  static void of(StreamSnapshot snapshot, Destination to, List<Finding> findings)
      throws IOException {
    Optional<Configuration> saved = snapshot.header().configuration();
    Optional<Configuration> own = to.fresh().header().configuration();
    if (saved.isEmpty() || own.isEmpty()) {
      if (saved.isPresent() != own.isPresent()) {
        findings.add(
            Finding.error(
                SECTION,
                "",
                saved.isPresent()
                    ? "the destination's machine type expects no configuration section"
                    : "the stream has no configuration section, which the destination's machine"
                        + " type expects (QEMU's machine types up to 2.3 write none)"));
      }
    } else {
      String machine = own.get().machine();
      if (!machine.equals(saved.get().machine())) {
        findings.add(
            Finding.error(
                    SECTION,
                    "machine",
                    "the snapshot is of machine type %s, the destination is %s"
                        .formatted(saved.get().machine(), machine))
                .fixedBy("set", "machine=" + machine)
                .at("or start QEMU with -M " + saved.get().machine()));
      }
      pageSize(snapshot, to, findings);
      capabilities(saved.get(), to, findings);
    }
    if (snapshot.ram().footers() != to.fresh().ram().footers()) {
      findings.add(
          Finding.error(
              SECTION,
              "",
              snapshot.ram().footers()
                  ? "sections end with footers, which the destination's machine type does not expect"
                  : "sections have no footers, which the destination's machine type expects"));
    }
  }

  private static void pageSize(StreamSnapshot snapshot, Destination to, List<Finding> findings) {
    if (snapshot.pageSize() != to.fresh().pageSize()) {
      findings.add(
          Finding.error(
              SECTION,
              "target-page-bits",
              "pages of %d bytes, the destination's have %d"
                  .formatted(snapshot.pageSize(), to.fresh().pageSize())));
    }
  }

  /** QEMU compares those that stand in the stream with what it was told before the load. */
  private static void capabilities(Configuration saved, Destination to, List<Finding> findings) {
    for (String capability : saved.capabilities()) {
      findings.add(
          to.capabilities().contains(capability)
              ? Finding.info(
                  SECTION,
                  "capabilities",
                  "before the load QEMU must be told: migrate_set_capability %s on"
                      .formatted(capability))
              : Finding.error(
                  SECTION,
                  "capabilities",
                  "the stream was written with capability %s, which QEMU %s does not know"
                      .formatted(capability, to.qemu())));
    }
  }
}
