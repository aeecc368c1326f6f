package dev.vmstate.core.files;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObject;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A file table that a test has put there. */
class OpenFilesTest {
  private static final long RDWR_APPEND = 02002;

  private final HandMounts hand = new HandMounts(false);
  private final HandKernel kernel = hand.kernel();
  private final long sb = hand.fileSystem("ext4", 8 << 20 | 1, 0);
  private final long root = hand.dentry(0, "/");
  private final long top = hand.mount(7, 0, 0, sb, root, 0, "/dev/sda1");
  private final long pointers = hand.room();
  private final long open = hand.room();
  private final long closeOnExec = hand.room();
  private final long numbers = hand.room();
  private final KernelObject task;

  OpenFilesTest() {
    kernel
        .member("task_struct", "files", 16, 8)
        .type("files_struct", 16)
        .member("files_struct", "fdt", 8, 8)
        .type("fdtable", 40)
        .member("fdtable", "max_fds", 0, 4)
        .member("fdtable", "fd", 8, 8)
        .member("fdtable", "close_on_exec", 16, 8)
        .member("fdtable", "open_fds", 24, 8)
        .type("file", 64)
        .member("file", "f_path", 0, 16)
        .member("file", "f_path.mnt", 0, 8)
        .member("file", "f_path.dentry", 8, 8)
        .member("file", "f_inode", 16, 8)
        .member("file", "f_flags", 24, 4)
        .member("file", "f_mode", 28, 4)
        .member("file", "f_pos", 32, 8)
        .type("inode", 64)
        .member("inode", "i_mode", 0, 2)
        .member("inode", "i_rdev", 4, 4)
        .member("inode", "i_sb", 8, 8)
        .member("inode", "i_ino", 16, 8)
        .member("inode", "i_size", 24, 8)
        .member("inode", "i_nlink", 32, 4)
        .type("vfsmount", 24)
        .member("vfsmount", "mnt_root", 0, 8)
        .member("dentry", "d_op", 32, 8)
        .member("dentry", "d_inode", 40, 8);
    long files = hand.room();
    kernel
        .put(files, "files_struct", "fdt", numbers)
        .put(numbers, "fdtable", "max_fds", 64)
        .put(numbers, "fdtable", "fd", pointers)
        .put(numbers, "fdtable", "open_fds", open)
        .put(numbers, "fdtable", "close_on_exec", closeOnExec);
    task = hand.process(top, root);
    kernel.put(task.address(), "task_struct", "files", files);
  }

  private long file(long dentry, int mode, long flags) {
    long file = hand.room();
    long inode = hand.room();
    kernel
        .put(file, "file", "f_path.mnt", top + 32)
        .put(file, "file", "f_path.dentry", dentry)
        .put(file, "file", "f_inode", inode)
        .put(file, "file", "f_flags", flags)
        .put(file, "file", "f_mode", (flags & 3) + 1)
        .put(file, "file", "f_pos", 4096)
        .put(inode, "inode", "i_mode", mode)
        .put(inode, "inode", "i_rdev", 5 << 20 | 1)
        .put(inode, "inode", "i_sb", sb)
        .put(inode, "inode", "i_ino", 4711)
        .put(inode, "inode", "i_size", 5000)
        .put(inode, "inode", "i_nlink", 1);
    return file;
  }

  private void is(int fd, long file) {
    kernel.word(pointers + 8L * fd, file);
  }

  private OpenFiles read() throws Exception {
    return OpenFiles.of(kernel.objects().at("task_struct", task.address())).orElseThrow();
  }

  @Test
  void aFileHasWhatItsProcessSees() throws Exception {
    is(3, file(hand.dentry(root, "log"), 0100644, RDWR_APPEND));
    is(5, file(hand.dentry(root, "tty"), 0020620, 0));
    kernel.word(open, 0b101000).word(closeOnExec, 0b001000);

    OpenFiles files = read();

    OpenFile log = files.files().get(0);
    assertEquals(
        new OpenFile(
            3,
            "REG",
            "/log",
            RDWR_APPEND | 02000000,
            true,
            true,
            4096,
            7,
            8 << 20 | 1,
            4711,
            0,
            5000,
            1,
            false,
            log.file()),
        log);
    assertEquals(List.of("O_RDWR", "O_APPEND", "O_CLOEXEC"), OpenFlags.names(log.flags()));
    OpenFile tty = files.files().get(1);
    assertEquals(List.of(5, "CHR", 5L << 20 | 1), List.of(tty.fd(), tty.type(), tty.special()));
    assertTrue(tty.readable() && !tty.writable());
    assertEquals(List.of(), files.notes());
  }

  @Test
  void aDeletedFileSaysSo() throws Exception {
    long gone = hand.dentry(root, "gone");
    kernel.put(gone, "dentry", "d_hash.pprev", 0);
    is(0, file(gone, 0100600, 0));
    kernel.word(open, 1);

    OpenFile file = read().files().get(0);

    assertEquals("/gone (deleted)", file.name());
    assertTrue(file.deleted());
  }

  @Test
  void aFileThatNobodyCountsIsShownAndNamed() throws Exception {
    is(9, file(hand.dentry(root, "hidden"), 0100600, 0));

    OpenFiles files = read();

    assertEquals("/hidden", files.files().get(0).name());
    assertEquals(List.of("file 9 is there, but its number is not marked as in use"), files.notes());
  }

  @Test
  void aBrokenFileDoesNotLoseTheOthers() throws Exception {
    is(0, 0x1234_5678L);
    is(1, file(hand.dentry(root, "fine"), 0100600, 0));
    kernel.word(open, 3);

    OpenFiles files = read();

    assertEquals(List.of("/fine"), files.files().stream().map(OpenFile::name).toList());
    assertEquals(1, files.notes().size(), files.notes().toString());
    assertTrue(files.notes().get(0).startsWith("file 0: "), files.notes().toString());
  }

  @Test
  void aTableLargerThanMemoryEndsWhereMemoryDoes() throws Exception {
    is(1, file(hand.dentry(root, "fine"), 0100600, 0));
    kernel.word(open, 2).put(numbers, "fdtable", "max_fds", 0xffff_ffffL);

    OpenFiles files = read();

    assertEquals("/fine", files.files().get(0).name());
    assertTrue(files.notes().toString().contains("no more than"), files.notes().toString());
  }

  @Test
  void aTableOfManyFilesThatAreNoneIsGivenUp() throws Exception {
    for (int fd = 0; fd < 0x1_0000; fd++) {
      kernel.word(DIRECT + 0xa0_0000 + 8L * fd, 0x1234_5678L);
    }
    kernel
        .put(numbers, "fdtable", "fd", DIRECT + 0xa0_0000)
        .put(numbers, "fdtable", "open_fds", DIRECT + 0xa0_0000)
        .put(numbers, "fdtable", "max_fds", 0x1_0000);

    List<String> notes = read().notes();

    assertTrue(notes.size() < 60, () -> notes.size() + " notes");
    assertTrue(notes.toString().contains("from 999 on are left out"), notes.toString());
  }

  @Test
  void aFileThatIsOpenVeryOftenIsNotShownThatOften() throws Exception {
    long file = file(hand.dentry(root, "often"), 0100600, 0);
    for (int fd = 0; fd < 0x4_0000; fd++) {
      kernel.word(DIRECT + 0xa0_0000 + 8L * fd, file);
    }
    kernel
        .put(numbers, "fdtable", "fd", DIRECT + 0xa0_0000)
        .put(numbers, "fdtable", "max_fds", 0x4_0000);

    OpenFiles files = read();

    assertTrue(files.files().size() < 140_000, () -> files.files().size() + " files");
    assertTrue(files.notes().toString().contains("more files than are shown"));
    assertSame(files.files().get(0).name(), files.files().get(1).name());
  }

  @Test
  void flagsOfTwoBitsAreOneName() {
    assertEquals(List.of("O_WRONLY", "O_SYNC"), OpenFlags.names(04010001));
    assertEquals(List.of("O_RDWR", "O_DSYNC"), OpenFlags.names(010002));
    assertEquals(List.of("O_RDWR", "O_TMPFILE", "0100000000"), OpenFlags.names(0120200002));
  }
}
