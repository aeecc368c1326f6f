package dev.vmstate.core.files;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Two mounts, / and one at /mnt; a file a/ü in the second. */
class FilePathTest {
  private static final long PATH = DIRECT + 0x20000;
  private static final long ROOT = DIRECT + 0x21000;
  private static final long MNT = ROOT + 0x100;
  private static final long INNER = ROOT + 0x200;
  private static final long FOLDER = ROOT + 0x300;
  private static final long LEAF = ROOT + 0x400;
  private static final long OUTER_MOUNT = DIRECT + 0x22000;
  private static final long INNER_MOUNT = OUTER_MOUNT + 0x100;
  private static final long OPERATIONS = DIRECT + 0x23000;
  private static final long VFS = 0x20;

  private final HandKernel kernel =
      new HandKernel()
          .type("path", 16)
          .member("path", "mnt", 0, 8)
          .member("path", "dentry", 8, 8)
          .type("dentry", 64)
          .member("dentry", "d_hash.pprev", 8, 8)
          .member("dentry", "d_parent", 16, 8)
          .member("dentry", "d_name.len", 28, 4)
          .member("dentry", "d_name.name", 32, 8)
          .member("dentry", "d_op", 40, 8)
          .member("dentry", "d_inode", 48, 8)
          .type("dentry_operations", 16)
          .member("dentry_operations", "d_dname", 8, 8)
          .type("inode", 8)
          .member("inode", "i_ino", 0, 8)
          .type("vfsmount", 8)
          .member("vfsmount", "mnt_root", 0, 8)
          .type("mount", 64)
          .member("mount", "mnt_parent", 0, 8)
          .member("mount", "mnt_mountpoint", 8, 8)
          .member("mount", "mnt", VFS, 8)
          .symbol("pipefs_dname", DIRECT + 0x900)
          .symbol("simple_dname", DIRECT + 0x980);

  FilePathTest() {
    dentry(ROOT, ROOT, "/");
    dentry(MNT, ROOT, "mnt");
    dentry(INNER, INNER, "/");
    dentry(FOLDER, INNER, "a");
    dentry(LEAF, FOLDER, "ü\u001b[1m");
    mount(OUTER_MOUNT, OUTER_MOUNT, ROOT, ROOT);
    mount(INNER_MOUNT, OUTER_MOUNT, MNT, INNER);
    path(LEAF, INNER_MOUNT);
  }

  private void dentry(long at, long parent, String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    kernel.put(at, "dentry", "d_parent", parent).put(at, "dentry", "d_hash.pprev", 1);
    kernel.put(at, "dentry", "d_name.len", bytes.length);
    kernel.put(at, "dentry", "d_name.name", at + 0x50).bytes(at + 0x50, bytes);
  }

  private void mount(long at, long parent, long point, long root) {
    kernel.put(at, "mount", "mnt_parent", parent).put(at, "mount", "mnt_mountpoint", point);
    kernel.put(at + VFS, "vfsmount", "mnt_root", root);
  }

  private void path(long dentry, long mount) {
    kernel.put(PATH, "path", "dentry", dentry).put(PATH, "path", "mnt", mount + VFS);
  }

  private FilePath name() throws IOException {
    return FilePath.of(kernel.objects().at("path", PATH), Optional.empty());
  }

  @Test
  void goesFromMountToMount() throws IOException {
    assertEquals("/mnt/a/ü\u001b[1m", name().text());
    assertEquals(Optional.empty(), name().fault());
  }

  @Test
  void aRootIsASlash() throws IOException {
    path(ROOT, OUTER_MOUNT);
    assertEquals("/", name().text());
  }

  @Test
  void beginsWhereTheProcessHasItsRoot() throws IOException {
    long root = PATH + 0x100;
    kernel.put(root, "path", "dentry", INNER).put(root, "path", "mnt", INNER_MOUNT + VFS);
    KernelObject path = kernel.objects().at("path", PATH);
    Optional<KernelObject> from = Optional.of(kernel.objects().at("path", root));
    assertEquals("/a/ü\u001b[1m", FilePath.of(path, from).text());
  }

  @Test
  void whatNoDirectoryHasAnyMoreIsDeleted() throws IOException {
    kernel.put(LEAF, "dentry", "d_hash.pprev", 0);
    assertEquals("/mnt/a/ü\u001b[1m (deleted)", name().text());
    kernel.put(ROOT, "dentry", "d_hash.pprev", 0);
    path(ROOT, OUTER_MOUNT);
    assertEquals("/", name().text());
  }

  @Test
  void fileSystemsWithoutNamesMakeThemUp() throws IOException {
    kernel.put(LEAF, "dentry", "d_op", OPERATIONS);
    assertEquals("/mnt/a/ü\u001b[1m", name().text());
    kernel.put(OPERATIONS, "dentry_operations", "d_dname", DIRECT + 0x900);
    kernel.put(LEAF, "dentry", "d_inode", PATH + 0x800).put(PATH + 0x800, "inode", "i_ino", 77);
    assertEquals("pipe:[77]", name().text());
    kernel.put(OPERATIONS, "dentry_operations", "d_dname", DIRECT + 0x980);
    assertEquals("/ü\u001b[1m (deleted)", name().text());
  }

  @Test
  void loopsEnd() throws IOException {
    dentry(FOLDER, LEAF, "a");
    FilePath dentries = name();
    assertTrue(dentries.fault().orElseThrow().contains("more than 4096 bytes"), dentries::text);
    path(INNER, INNER_MOUNT);
    kernel.put(OUTER_MOUNT, "mount", "mnt_parent", INNER_MOUNT);
    kernel.put(OUTER_MOUNT, "mount", "mnt_mountpoint", INNER);
    mount(INNER_MOUNT, OUTER_MOUNT, ROOT, INNER);
    assertTrue(name().fault().orElseThrow().contains("goes through more than 8192"));
  }

  @Test
  void whatLeadsOutOfMemoryIsCutThere() throws IOException {
    dentry(FOLDER, 0x1234_5678, "a");
    FilePath path = name();
    assertEquals("/a/ü\u001b[1m", path.text());
    assertTrue(path.fault().orElseThrow().contains("no RAM"));
  }

  @Test
  void operationsThatLeadOutOfMemoryLoseNoMoreThanTheName() throws IOException {
    kernel.put(LEAF, "dentry", "d_op", 0x1234_5678);
    FilePath path = name();
    assertEquals("/", path.text());
    assertTrue(path.fault().orElseThrow().contains("no RAM"));
  }
}
