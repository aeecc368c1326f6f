package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.core.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file with all that a vmlinux has which is asked for, made by the compiler of the host; and what
 * the same compiler says of its structures when it runs.
 */
public final class LinkedFixture {
  static final String TYPES =
      """
      typedef unsigned int u32;
      typedef struct { long counter; } atomic64_t;
      struct list_head { struct list_head *next, *prev; };
      struct forward;
      enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_MAX = 4, PIDTYPE_ODD = -3 };
      enum { UNNAMED_FIRST = 0x7fffffff };
      union either { char small[3]; u32 large; };
      struct task_struct {
        volatile long state;
        struct forward *forward;
        u32 flags : 3, more : 7, : 2, rest : 20;
        unsigned char tiny : 2;
        unsigned char tail : 5;
        struct list_head tasks;
        struct { int inner; union { short a; struct { char b, c; }; }; };
        const union either *pointer;
        union either array[5];
        int table[3][7];
        struct list_head links[PIDTYPE_MAX];
        unsigned long long wide : 40;
        atomic64_t usage;
        char comm[16];
        char open[];
      };
      """;

  private static final String MEMBERS =
      """
      state forward flags more rest tiny tail tasks tasks.next tasks.prev inner a b c pointer array
      array[2] array[2].large table table[1] table[1][3] links links[3].prev wide usage usage.counter
      comm comm[5]
      """;

  private LinkedFixture() {}

  /** Members' paths. */
  public static List<String> members() {
    return List.of(MEMBERS.trim().split("\\s+"));
  }

  /** A linked file. */
  public static ByteSource linked(Path directory, String... options)
      throws IOException, InterruptedException {
    return ByteSource.of("vmlinux", Files.readAllBytes(link(directory, options)));
  }

  static Path link(Path directory, String... options) throws IOException, InterruptedException {
    Path source = directory.resolve("kernel.c");
    Files.writeString(
        source,
        TYPES
            + """
            const char linux_banner[] = "Linux version 6.1.0-test (a@b) (gcc) #1 SMP today\\n";
            struct task_struct init_task;
            enum pid_type kind;
            int first = UNNAMED_FIRST;
            void _text(void) { struct hidden { int x; } local = {1}; first = local.x; }
            """);
    Path out = directory.resolve("vmlinux");
    List<String> command = new ArrayList<>();
    command.addAll(List.of("gcc", "-nostdlib", "-static", "-no-pie", "-fno-pie", "-Wl,-e,_text"));
    command.addAll(List.of("-Wl,--build-id=sha1", "-O0", "-fno-stack-protector"));
    command.addAll(List.of(options));
    command.addAll(List.of("-o", out.toString(), source.toString()));
    Tool.run("gcc", command.toArray(String[]::new));
    return out;
  }

  /** Lines {@code path bit bits bytes}, by a program that looks where its bytes are. */
  static List<String> truth(Path directory) throws IOException, InterruptedException {
    StringBuilder program = new StringBuilder("#include <stdio.h>\n#include <string.h>\n");
    program
        .append(TYPES)
        .append(
            """
        static struct task_struct t;
        static void bits(const char *name, int bytes) {
          long first = -1, count = 0;
          for (long i = 0; i < 8 * (long) sizeof t; i++)
            if (((unsigned char *) &t)[i / 8] >> i % 8 & 1) { if (first < 0) first = i; count++; }
          printf("%s %ld %ld %d\\n", name, first, count, bytes);
          memset(&t, 0, sizeof t);
        }
        int main(void) {
        """);
    for (String member : members()) {
      switch (member) {
        case "flags", "more", "rest" -> program.append(bitField(member, 4));
        case "tiny", "tail" -> program.append(bitField(member, 1));
        case "wide" -> program.append(bitField(member, 8));
        default ->
            program.append(
                "printf(\"%s %%ld 0 %%d\\n\", 8 * ((char *) &t.%s - (char *) &t), (int) sizeof t.%s);\n"
                    .formatted(member, member, member));
      }
    }
    program.append("printf(\"%d\\n\", (int) sizeof t); return 0; }\n");
    Path source = directory.resolve("truth.c");
    Files.writeString(source, program);
    Path out = directory.resolve("truth");
    Tool.run("gcc", "gcc", "-w", "-o", out.toString(), source.toString());
    return Tool.run("dash", "sh", "-c", out.toString()).lines().toList();
  }

  private static String bitField(String member, int bytes) {
    return "t.%s = -1; bits(\"%s\", %d);\n".formatted(member, member, bytes);
  }
}
