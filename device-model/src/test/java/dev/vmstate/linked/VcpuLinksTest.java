package dev.vmstate.linked;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class VcpuLinksTest {
  private static final long PE_PG = 0x8000_0001L;
  private final StateValue sregs =
      KvmStructs.SREGS2
          .zero()
          .set("cr0", PE_PG)
          .set("cr4", 0x20)
          .set("cr8", 3)
          .set("efer", 0x500)
          .set("apic_base", 0xfee0_0900L)
          .set("flags", 1)
          .set("cs.l", 1)
          .set("cs.present", 1)
          .set("fs.unusable", 1);
  private final StateValue lapic = KvmStructs.LAPIC.zero().set("tpr", 0x30);
  private final StateValue xsave =
      KvmStructs.xsave(4096).zero().set("fcw", 0x37f).set("mxcsr", 0x1f80);
  private final List<StateValue> msrs =
      List.of(msr(0x10, 5), msr(0x1b, 0xfee0_0900L), msr(0xc000_0080L, 0x500));

  private static StateValue msr(long index, long data) {
    return KvmStructs.MSR.zero().set("index", index).set("data", data);
  }

  private List<DeviceSection> devices() throws IOException {
    StateText text = new StateText().open("").words("id", StateDocument.ID);
    String front = text.toString() + ",\"version\":1,\"snapshots\":{\"memory-manager\":";
    StateText cpu =
        new StateText()
            .open("")
            .value("sregs2", sregs)
            .value("xsave", xsave)
            .list("msrs", msrs)
            .value("lapic", lapic)
            .close();
    String json =
        front
            + "{\"memory_ranges\":[]},\"device-manager\":{},\"cpu-manager\":{\"0\":"
            + cpu
            + "}}}";
    return StateDocument.parse("state.json", json.getBytes(StandardCharsets.UTF_8)).sections();
  }

  /** What changes, by path, when these are asked for. */
  private TreeMap<String, String> follow(String... assignments) throws IOException {
    TreeMap<String, String> changed = new TreeMap<>();
    for (FieldEdit edit : edits(assignments).edits()) {
      StringBuilder hex = new StringBuilder();
      for (byte b : edit.after().array()) {
        hex.insert(0, "%02x".formatted(b & 0xff));
      }
      changed.put(edit.path().replaceFirst("^vcpu/", ""), hex.toString());
    }
    return changed;
  }

  private EditSet edits(String... assignments) throws IOException {
    List<DeviceSection> devices = devices();
    EditSet edits = new EditSet();
    for (String assignment : assignments) {
      String[] parts = assignment.split("=", 2);
      edits.add(
          FieldValue.edit(FieldPath.find(devices, "vcpu[0]/" + parts[0]), parts[1], "the test"));
    }
    CpuLinks.follow(List.of(), devices, edits);
    return edits;
  }

  @Test
  void cr8AndTheApicsTprAreTheSame() throws IOException {
    assertEquals(
        new TreeMap<>(java.util.Map.of("sregs2/cr8", "0000000000000005", "lapic/tpr", "00000050")),
        follow("sregs2/cr8=5"));
    assertEquals(
        new TreeMap<>(java.util.Map.of("sregs2/cr8", "0000000000000007", "lapic/tpr", "00000072")),
        follow("lapic/tpr=0x72"));
    assertEquals(2, follow("lapic/tpr=0x72", "sregs2/cr8=1").size(), "both as they were asked for");
  }

  @Test
  void whatIsAnMsrTooIsTheSameThere() throws IOException {
    assertEquals("00000000fee00800", follow("sregs2/apic_base=0xfee00800").get("msrs[1]/data"));
    assertEquals("00000000fee00800", follow("msrs[1]/data=0xfee00800").get("sregs2/apic_base"));
    assertEquals("0000000000000d01", follow("sregs2/efer=0xd01").get("msrs[2]/data"));
    assertEquals(1, follow("msrs[0]/data=9").size(), "of the TSC nobody else knows");
  }

  @Test
  void lmaFollowsPagingAndKvmIsToReadThePdptrs() throws IOException {
    TreeMap<String, String> changed = follow("sregs2/cr0=1", "sregs2/cs/l=0");
    assertEquals("0000000000000100", changed.get("sregs2/efer"));
    assertEquals("0000000000000100", changed.get("msrs[2]/data"));
    assertEquals("0000000000000000", changed.get("sregs2/flags"));
    assertEquals("0000000000000000", follow("sregs2/cr3=0x5000").get("sregs2/flags"));
    assertFalse(follow("sregs2/pdptrs[1]=0x5001", "sregs2/cr3=0x5000").containsKey("sregs2/flags"));
  }

  @Test
  void aStateThatKvmRefusesIsWarnedOf() throws IOException {
    for (String asked : List.of("sregs2/cr0=1", "sregs2/efer=0x100", "sregs2/cr4=0")) {
      assertTrue(
          edits(asked).edits().stream().anyMatch(e -> e.note().contains("KVM refuses")), asked);
    }
    for (String asked : List.of("sregs2/cr0=0x80000011", "sregs2/efer=0xd01", "sregs2/cr4=0x620")) {
      assertTrue(edits(asked).edits().stream().allMatch(e -> e.note().isEmpty()), asked);
    }
  }

  @Test
  void aComponentOfTheXsaveAreaThatChangesIsMarked() throws IOException {
    assertEquals("0000000000000001", follow("xsave/fcw=0x27f").get("xsave/xstate_bv"));
    assertEquals(
        "0000000000000001", follow("xsave/st[2]=" + "11".repeat(16)).get("xsave/xstate_bv"));
    assertEquals("0000000000000002", follow("xsave/mxcsr=0x1fa0").get("xsave/xstate_bv"));
    assertEquals(
        "0000000000000002",
        follow("xsave/xmm[15]=" + "00".repeat(15) + "01").get("xsave/xstate_bv"));
    assertEquals("0000000000000004", follow("xsave/extended[0]=1").get("xsave/xstate_bv"));
    assertEquals("0000000000000004", follow("xsave/extended[255]=1").get("xsave/xstate_bv"));
    assertEquals("0000000000000020", follow("xsave/extended[512]=1").get("xsave/xstate_bv"));
    xsave.set("xstate_bv", 7);
    assertEquals(1, follow("xsave/fcw=0x27f").size(), "marked already");
    assertEquals(
        "0000000000000000", follow("xsave/fcw=1", "xsave/xstate_bv=0").get("xsave/xstate_bv"));
  }

  @Test
  void aSegmentThatBecomesPresentIsUsable() throws IOException {
    assertEquals("00", follow("sregs2/fs/present=1").get("sregs2/fs/unusable"));
    assertEquals("01", follow("sregs2/cs/present=0").get("sregs2/cs/unusable"));
  }

  @Test
  void whatHasNoLinkChangesAlone() throws IOException {
    for (String asked :
        List.of("sregs2/cr2=1", "sregs2/gdt/limit=9", "lapic/svr=0x1ff", "sregs2/ss/base=16")) {
      assertEquals(1, follow(asked).size(), asked);
    }
  }
}
