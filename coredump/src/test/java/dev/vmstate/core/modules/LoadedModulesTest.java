package dev.vmstate.core.modules;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.modules.LoadedModule.State;
import dev.vmstate.core.modules.LoadedModule.Way;
import dev.vmstate.core.objects.HandKernel;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Three modules as a kernel of 6.4 or later has them: beta and gamma use alpha. */
class LoadedModulesTest {
  private static final long HEAD = DIRECT + 0x10000;
  private static final long KSET_POINTER = DIRECT + 0x10100;
  private static final long KSET = DIRECT + 0x10200;
  private static final long TREE = DIRECT + 0x10300;
  private static final long TEXTS = DIRECT + 0x11000;
  private static final long USES = DIRECT + 0x12000;
  private static final long BUILT_IN = DIRECT + 0x13000;
  private static final long[] MODULES = {DIRECT + 0x20000, DIRECT + 0x21000, DIRECT + 0x22000};
  private static final String[] NAMES = {"gamma", "beta", "alpha"};
  private static final int LIST = 8;
  private static final int KOBJECT = 0x60;
  private static final int ENTRY = KOBJECT + 8;
  private static final int MEM = 0x100;
  private static final int NODE = MEM + 0x18;
  private static final int SOURCE_LIST = 0x200;

  private final HandKernel kernel = new HandKernel();

  @BeforeEach
  void build() {
    types();
    kernel.symbol("modules", HEAD).symbol("module_kset", KSET_POINTER).symbol("mod_tree", TREE);
    kernel.word(KSET_POINTER, KSET);
    for (int i = 0; i < 3; i++) {
      module(MODULES[i], NAMES[i], 0x1000 * (i + 1));
    }
    kernel.list(HEAD, MODULES[0] + LIST, MODULES[1] + LIST, MODULES[2] + LIST);
    kernel.list(KSET, BUILT_IN + 8, MODULES[0] + ENTRY, MODULES[1] + ENTRY, MODULES[2] + ENTRY);
    for (int tree = 0; tree < 2; tree++) {
      int node = NODE + 8 + 24 * tree;
      kernel.word(TREE + 8 + 8L * tree, MODULES[1] + node);
      kernel.word(MODULES[1] + node + 8, MODULES[2] + node);
      kernel.word(MODULES[1] + node + 16, MODULES[0] + node);
    }
    kernel.put(USES, "module_use", "source", MODULES[1]);
    kernel.put(USES + 0x100, "module_use", "source", MODULES[0]);
    kernel.list(MODULES[2] + SOURCE_LIST, USES, USES + 0x100);
    kernel.put(MODULES[2], "module", "refcnt", 4);
    kernel.put(MODULES[0], "module", "taints", 1 << 12 | 1 << 13);
    kernel.put(MODULES[0], "module", "version", TEXTS);
    kernel.bytes(TEXTS, new byte[] {'1', '.', '2', 0});
    kernel.put(MODULES[1], "module", "init", DIRECT).put(MODULES[1], "module", "exit", 0);
  }

  private void types() {
    kernel.type("module", 0x300).member("module", "state", 0, 4).member("module", "list", LIST, 16);
    kernel.member("module", "name", 24, 56).length("module", "mem", 2);
    kernel.member("module", "mem[0].base", MEM, 8).member("module", "mem[0].size", MEM + 16, 4);
    kernel.member("module", "mem[1].size", MEM + 0x68, 4).member("module", "taints", 0x1e0, 8);
    kernel.member("module", "version", 0x1e8, 8).member("module", "srcversion", 0x1f0, 8);
    kernel.member("module", "source_list", SOURCE_LIST, 16).member("module", "init", 0x220, 8);
    kernel.member("module", "exit", 0x228, 8).member("module", "refcnt", 0x230, 4);
    kernel.member("module_use", "source_list", 0, 16).member("module_use", "source", 0x20, 8);
    kernel.member("module_kobject", "kobj.entry", 8, 16).member("module_kobject", "mod", 0x40, 8);
    kernel.member("kset", "list", 0, 16).member("latch_tree_root", "tree[0].rb_node", 8, 8);
    kernel.member("latch_tree_root", "tree[1].rb_node", 16, 8);
    kernel.member("mod_tree_node", "node.node[0]", 8, 24).member("mod_tree_node", "mod", 0, 8);
    kernel.member("mod_tree_node", "node.node[1]", 32, 24);
    kernel.member("rb_node", "rb_right", 8, 8).member("rb_node", "rb_left", 16, 8);
  }

  private void module(long at, String name, int bytes) {
    kernel.put(at, "module", "name", name).put(at, "module", "mem[0].base", at + 0x10_0000);
    kernel.put(at, "module", "mem[0].size", bytes).put(at, "module", "mem[1].size", 0x100);
    kernel.put(at, "module", "init", DIRECT).put(at, "module", "exit", DIRECT);
    kernel.put(at, "module", "refcnt", 1).list(at + SOURCE_LIST);
    kernel.word(at + KOBJECT + 0x40, at).word(at + NODE, at);
  }

  private LoadedModules read() throws Exception {
    return LoadedModules.of(kernel.objects());
  }

  private static List<String> names(LoadedModules found) {
    return found.modules().stream().map(LoadedModule::name).toList();
  }

  @Test
  void modulesAreAsProcHasThem() throws Exception {
    LoadedModules found = read();
    assertEquals(List.of(), found.notes());
    assertEquals(List.of("gamma", "beta", "alpha"), names(found));
    assertEquals(
        new LoadedModule(
            "alpha",
            MODULES[2],
            0x3100,
            MODULES[2] + 0x10_0000,
            OptionalLong.of(3),
            List.of("beta", "gamma"),
            false,
            State.LIVE,
            0,
            Optional.empty(),
            Optional.empty(),
            Set.of(Way.LIST, Way.SYSFS, Way.TREE)),
        found.modules().get(2));
    assertEquals("OE", found.modules().get(0).taintLetters());
    assertEquals(Optional.of("1.2"), found.modules().get(0).version());
    assertTrue(found.modules().get(1).permanent());
  }

  @Test
  void aModuleTakenOffTheListIsFoundAndMarked() throws Exception {
    kernel.list(HEAD, MODULES[0] + LIST, MODULES[2] + LIST);
    LoadedModules found = read();
    assertEquals(List.of("gamma", "alpha", "beta"), names(found));
    assertEquals(Set.of(Way.SYSFS, Way.TREE), found.modules().get(2).foundBy());
    assertEquals(
        List.of(
            "module beta at 0x%x is not on the list: hidden, or on its way out"
                .formatted(MODULES[1])),
        found.notes());

    kernel.list(KSET, MODULES[0] + ENTRY, MODULES[2] + ENTRY);
    found = read();
    assertEquals(Set.of(Way.TREE), found.modules().get(2).foundBy());
    assertTrue(found.notes().get(0).contains("not on the list nor in /sys/module"));

    kernel.put(MODULES[1], "module", "state", 2);
    assertEquals(List.of(), read().notes(), "it is being unloaded");
  }

  @Test
  void brokenPlacesLoseNothingElse() throws Exception {
    kernel.word(MODULES[1] + LIST, MODULES[0] + LIST);
    LoadedModules found = read();
    assertEquals(List.of("gamma", "beta", "alpha"), names(found), "the last by the other ways");
    assertTrue(found.notes().get(0).startsWith("the list of modules comes back to"));

    kernel.word(MODULES[1] + LIST, 0x5008);
    found = read();
    assertTrue(found.notes().get(0).contains("where no RAM is"), found.notes().toString());

    build();
    kernel.word(USES, USES).put(MODULES[1], "module", "name", "");
    kernel.word(MODULES[1] + NODE + 8 + 8, MODULES[1] + NODE + 8);
    found = read();
    assertEquals(List.of("gamma", "alpha"), names(found));
    assertEquals(List.of(""), found.modules().get(1).usedBy());
  }

  @Test
  void aKernelWithoutUnloadingHasNoCounts() throws Exception {
    HandKernel bare = new HandKernel().symbol("modules", HEAD);
    bare.type("module", 0x300).member("module", "state", 0, 4).member("module", "list", LIST, 16);
    bare.member("module", "name", 24, 56).member("module", "taints", 0x1e0, 8);
    bare.member("module", "core_layout.base", 0x100, 8);
    bare.member("module", "core_layout.size", 0x108, 4);
    bare.member("module", "init_layout.size", 0x118, 4);
    bare.put(MODULES[0], "module", "name", "only").list(HEAD, MODULES[0] + LIST);
    bare.put(MODULES[0], "module", "core_layout.size", 0x2000);
    bare.put(MODULES[0], "module", "init_layout.size", 0x10);
    LoadedModules found = LoadedModules.of(bare.objects());
    assertEquals(List.of(), found.notes());
    assertEquals(OptionalLong.empty(), found.modules().get(0).references());
    assertEquals(0x2010, found.modules().get(0).bytes());
    assertEquals(Set.of(Way.LIST), found.ways());
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void changedBytesGiveModulesOrNotesAndNothingElse(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long[] places = {HEAD, KSET, TREE, USES, MODULES[0], MODULES[1], MODULES[2]};
    for (int i = random.nextInt(1, 12); i > 0; i--) {
      long at = places[random.nextInt(places.length)] + 8L * random.nextInt(0x60);
      kernel.word(at, random.nextBoolean() ? random.nextLong() : places[random.nextInt(7)] + LIST);
    }
    LoadedModules found = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> read());
    assertTrue(found.modules().size() <= 7 * 0x60);
  }
}
