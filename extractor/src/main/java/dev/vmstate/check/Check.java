package dev.vmstate.check;

import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Says beforehand whether a machine will load a snapshot. */
public final class Check {
  private Check() {}

  /** All findings, the worst first. */
  public static List<Finding> of(StreamSnapshot snapshot, Destination to) throws IOException {
    List<Finding> findings = new ArrayList<>();
    ConfigurationCheck.of(snapshot, to, findings);
    MemoryCheck.of(snapshot, to, findings);
    new SectionCheck(snapshot, to, findings).run();
    CpuCheck.of(snapshot, to, findings);
    findings.sort(Comparator.comparing(Finding::grade));
    return List.copyOf(findings);
  }

  /** Whether QEMU will load it, as far as the findings tell. */
  public static boolean loads(List<Finding> findings) {
    return findings.stream().noneMatch(finding -> finding.grade() == Finding.Grade.ERROR);
  }
}
