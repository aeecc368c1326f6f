package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.Injection;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.TestMachine;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class IdentityTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(40);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void whatIsExtractedAndNotEditedGoesBackAsTheSameFile(long seed) throws IOException {
    Path snapshot = TestMachine.random(seed).write(directory.resolve("vm.mig"));
    for (Extraction.Options options :
        List.of(
            new Extraction.Options(CoreFormat.ELF, true, false, null),
            new Extraction.Options(CoreFormat.ELF, true, true, null),
            new Extraction.Options(CoreFormat.NONE, true, false, null),
            new Extraction.Options(CoreFormat.ELF, false, false, 0x20_000L),
            new Extraction.Options(CoreFormat.NONE, false, false, null))) {
      Path out = directory.resolve("vm");
      TestMachine.extract(snapshot, out, options);
      Path back = directory.resolve("new.mig");
      InjectionReport report = inject(out, back);
      assertTrue(report.isEmpty(), options.toString());
      assertEquals(0, report.fileBytes());
      assertEquals(-1, Files.mismatch(snapshot, back), options.toString());
    }
  }

  private static InjectionReport inject(Path directory, Path output) throws IOException {
    Manifest manifest = Manifest.read(directory);
    try (StreamSnapshot snapshot = StreamSnapshot.open(Path.of(manifest.snapshot()))) {
      if (manifest.below4g() != null) {
        snapshot.below4g(manifest.below4g());
      }
      try (EditPlan plan =
          Injection.plan(
              snapshot,
              Optional.ofNullable(manifest.core()).map(directory::resolve),
              Optional.ofNullable(manifest.hardware()).map(directory::resolve),
              Optional.of(manifest),
              Progress.NONE)) {
        return plan.writeTo(output, Progress.NONE);
      }
    }
  }
}
