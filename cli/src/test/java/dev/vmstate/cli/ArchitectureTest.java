package dev.vmstate.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Who may use whom. The enforcer checks the same of the poms; this checks the code, so that what
 * comes in through another module stays out too. Sits in cli because only cli sees every module.
 */
class ArchitectureTest {
  /** A module and the modules its main sources may use. */
  private static final Map<String, Set<String>> MAY_USE =
      Map.of(
          "fixtures", Set.of(),
          "device-model", Set.of(),
          "extractor", Set.of("device-model"),
          "coredump", Set.of("device-model"),
          "injector", Set.of("device-model", "extractor", "coredump"),
          "runner", Set.of("device-model", "extractor"),
          "cli", Set.of("device-model", "extractor", "coredump", "injector", "runner"));

  /**
   * In a build tree {@code /extractor/target/...}, in a local repository {@code
   * /extractor/0.1.0/...}.
   */
  private static final Pattern MODULE_OF_URI =
      Pattern.compile(".*/(" + String.join("|", MAY_USE.keySet()) + ")/(?:target|\\d[^/]*)/.*");

  private static JavaClasses all;

  @BeforeAll
  static void readTheClasses() {
    all =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.vmstate");
  }

  @Test
  void everyModuleIsSeen() {
    var seen = new TreeSet<String>();
    all.forEach(c -> seen.add(moduleOf(c)));
    assertEquals(new TreeSet<>(MAY_USE.keySet()), seen);
  }

  @Test
  void aRuleThatDoesNotHoldIsNoticed() {
    var cliKeepsOffPicocli =
        noClasses().that(are("cli")).should().dependOnClassesThat().resideInAPackage("picocli..");
    assertTrue(cliKeepsOffPicocli.evaluate(all).hasViolation());
    var modelKeepsOffItself =
        noClasses().that(are("device-model")).should().dependOnClassesThat(are("device-model"));
    assertTrue(modelKeepsOffItself.evaluate(all).hasViolation());
  }

  @Test
  void modulesUseOnlyWhatTheyMay() {
    classes().should(useOnlyModulesTheyMay()).check(all);
  }

  @Test
  void aPackageLiesInOneModule() {
    var modules =
        all.stream()
            .collect(
                groupingBy(
                    JavaClass::getPackageName,
                    TreeMap::new,
                    mapping(ArchitectureTest::moduleOf, toCollection(TreeSet::new))));
    modules.values().removeIf(in -> in.size() == 1);
    assertEquals(Map.of(), modules);
  }

  @Test
  void onlyCliUsesPicocli() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.vmstate.cli..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("picocli..")
        .check(all);
  }

  @Test
  void onlyTheRunnerUsesJna() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.vmstate.qemu..", "dev.vmstate.kvm..", "dev.vmstate.terminal..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.sun.jna..")
        .check(all);
  }

  @Test
  void theDeviceModelOpensNoFile() {
    noClasses()
        .that(are("device-model"))
        .should()
        .dependOnClassesThat(
            named(
                "java.nio.channels.FileChannel",
                "java.nio.file.Files",
                "java.io.File",
                "java.io.FileInputStream",
                "java.io.FileOutputStream",
                "java.io.FileReader",
                "java.io.FileWriter",
                "java.io.RandomAccessFile"))
        .check(all);
  }

  @Test
  void theDeviceModelStartsNoThread() {
    noClasses()
        .that(are("device-model"))
        .should()
        .dependOnClassesThat(
            named(
                "java.lang.Thread",
                "java.lang.ProcessBuilder",
                "java.util.Timer",
                "java.util.concurrent.CompletableFuture",
                "java.util.concurrent.ExecutorService",
                "java.util.concurrent.Executors",
                "java.util.concurrent.ForkJoinPool"))
        .check(all);
  }

  private static DescribedPredicate<JavaClass> are(String module) {
    return DescribedPredicate.describe(
        "are of module " + module,
        c -> isOurs(c.getBaseComponentType()) && moduleOf(c.getBaseComponentType()).equals(module));
  }

  private static DescribedPredicate<JavaClass> named(String... names) {
    var wanted = List.of(names);
    return DescribedPredicate.describe("are one of " + wanted, c -> wanted.contains(c.getName()));
  }

  private static ArchCondition<JavaClass> useOnlyModulesTheyMay() {
    return new ArchCondition<>("use only modules they may") {
      @Override
      public void check(JavaClass user, ConditionEvents events) {
        String module = moduleOf(user);
        for (var use : user.getDirectDependenciesFromSelf()) {
          JavaClass used = use.getTargetClass().getBaseComponentType();
          if (isOurs(used)
              && !moduleOf(used).equals(module)
              && !MAY_USE.get(module).contains(moduleOf(used))) {
            events.add(
                SimpleConditionEvent.violated(
                    user, module + " uses " + moduleOf(used) + ": " + use.getDescription()));
          }
        }
      }
    };
  }

  private static boolean isOurs(JavaClass c) {
    return c.getPackageName().startsWith("dev.vmstate");
  }

  private static String moduleOf(JavaClass c) {
    String uri =
        c.getSource().orElseThrow(() -> new AssertionError("no source: " + c)).getUri().toString();
    var matcher = MODULE_OF_URI.matcher(uri);
    assertTrue(matcher.matches(), () -> "in no module: " + uri);
    return matcher.group(1);
  }
}
