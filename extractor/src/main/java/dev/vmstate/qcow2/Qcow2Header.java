package dev.vmstate.qcow2;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The first bytes of an image.
 *
 * <pre>
 *   0 "QFI\xfb"          20 u32 cluster_bits      48 u64 refcount_table_offset
 *   4 u32 version 2 | 3  24 u64 size              56 u32 refcount_table_clusters
 *   8 u64 backing_file   32 u32 crypt_method      60 u32 nb_snapshots
 *  16 u32 its length     36 u32 l1_size           64 u64 snapshots_offset
 *                        40 u64 l1_table_offset
 * version 3 goes on:
 *  72 u64 incompatible   88 u64 autoclear        100 u32 header_length
 *  80 u64 compatible     96 u32 refcount_order   104 u8 compression_type, where header_length > 104
 * </pre>
 *
 * <p>Extensions follow (see {@link HeaderExtension}). The limits are QEMU's: clusters of 512 bytes
 * to 2 MiB, L1 tables up to 32 MiB, a refcount table up to 8 MiB, 65536 snapshots.
 */
public final class Qcow2Header {
  /** "QFI\xfb". */
  public static final int MAGIC = 0x514649fb;

  static final long DIRTY = 1;
  static final long CORRUPT = 1 << 1;
  static final long EXTERNAL_DATA = 1 << 2;
  static final long COMPRESSION_TYPE = 1 << 3;
  static final long EXTENDED_L2 = 1 << 4;
  private static final long KNOWN_INCOMPATIBLE = 31;

  /** Bitmaps and raw external data; a writer clears the others. */
  public static final long KNOWN_AUTOCLEAR = 3;

  /** Where a writer finds what it changes. */
  public static final int L1_SIZE_AT = 36;

  public static final int REFCOUNT_TABLE_AT = 48;
  public static final int NB_SNAPSHOTS_AT = 60;
  public static final int AUTOCLEAR_AT = 88;

  /** QEMU's limit for every L1 table, in bytes. */
  public static final long MOST_L1_BYTES = 32 << 20;

  /** QEMU's limit for the refcount table, in bytes. */
  public static final long MOST_REFCOUNT_TABLE_BYTES = 8 << 20;

  /** QEMU's limit. */
  public static final int MOST_SNAPSHOTS = 65536;

  private static final int V2_LENGTH = 72;
  private static final int V3_LENGTH = 104;
  private static final int LONGEST_BACKING_NAME = 1023;

  private final String name;
  private final int version;
  private final int clusterBits;
  private final long diskSize;
  private final long cryptMethod;
  private final long l1Size;
  private final long l1Offset;
  private final long refcountTableOffset;
  private final long refcountTableClusters;
  private final long snapshotCount;
  private final long snapshotsOffset;
  private final long incompatible;
  private final long autoclear;
  private final int refcountOrder;
  private final int length;
  private final int compressionType;
  private final Optional<Span> backingFile;
  private final List<HeaderExtension> extensions;

  private Qcow2Header(Cursor in, String name, ByteSource image) throws IOException {
    this.name = name;
    long fileSize = image.size();
    long magic = in.u32("magic");
    if ((int) magic != MAGIC) {
      throw in.bad("not a qcow2 image: its magic is 0x%08x".formatted(magic));
    }
    long versionWord = in.u32("version");
    if (versionWord != 2 && versionWord != 3) {
      throw new UnsupportedFormatException(
          name, 4, "qcow2 version %d, 2 or 3 expected".formatted(versionWord));
    }
    version = (int) versionWord;
    long backingOffset = in.u64("backing_file_offset");
    long backingLength = in.u32("backing_file_size");
    long bits = in.u32("cluster_bits");
    if (bits < 9 || bits > 21) {
      throw in.bad("'cluster_bits' is %d, 9 to 21 expected".formatted(bits));
    }
    clusterBits = (int) bits;
    diskSize = in.u64("size");
    if (diskSize < 0) {
      throw in.bad("a disk of 0x%x bytes".formatted(diskSize));
    }
    cryptMethod = in.u32("crypt_method");
    if (cryptMethod > 2) {
      throw new UnsupportedFormatException(
          name, 32, "'crypt_method' is %d, 0 to 2 are known".formatted(cryptMethod));
    }
    l1Size = in.u32("l1_size");
    if (l1Size > MOST_L1_BYTES / 8) {
      throw in.bad("an L1 table of %d entries, at most 4194304 expected".formatted(l1Size));
    }
    l1Offset = in.u64("l1_table_offset");
    requireTable(in, "l1_table_offset", l1Offset, l1Size * 8, fileSize);
    refcountTableOffset = in.u64("refcount_table_offset");
    long refcountTableAt = in.position() - 8;
    refcountTableClusters = in.u32("refcount_table_clusters");
    if (refcountTableClusters < 1
        || refcountTableClusters > MOST_REFCOUNT_TABLE_BYTES >> clusterBits) {
      throw in.bad(
          "a refcount table of %d clusters, 1 to %d expected"
              .formatted(refcountTableClusters, MOST_REFCOUNT_TABLE_BYTES >> clusterBits));
    }
    requireTable(
        name,
        refcountTableAt,
        "refcount_table_offset",
        refcountTableOffset,
        refcountTableClusters << clusterBits,
        fileSize);
    snapshotCount = in.u32("nb_snapshots");
    if (snapshotCount > MOST_SNAPSHOTS) {
      throw in.bad("%d snapshots, at most 65536 expected".formatted(snapshotCount));
    }
    snapshotsOffset = in.u64("snapshots_offset");
    if (snapshotCount > 0) {
      requireTable(in, "snapshots_offset", snapshotsOffset, snapshotCount * 40, fileSize);
    }
    if (version == 2) {
      incompatible = 0;
      autoclear = 0;
      refcountOrder = 4;
      length = V2_LENGTH;
      compressionType = 0;
    } else {
      incompatible = in.u64("incompatible_features");
      in.u64("compatible_features");
      autoclear = in.u64("autoclear_features");
      long order = in.u32("refcount_order");
      if (order > 6) {
        throw in.bad("'refcount_order' is %d, 0 to 6 expected".formatted(order));
      }
      refcountOrder = (int) order;
      long bytes = in.u32("header_length");
      if (bytes < V3_LENGTH || bytes % 8 != 0 || bytes > clusterSize()) {
        throw in.bad(
            "'header_length' is %d, a multiple of 8 from 104 to the cluster size expected"
                .formatted(bytes));
      }
      length = (int) bytes;
      compressionType = length > V3_LENGTH ? in.u8("compression_type") : 0;
    }
    backingFile = backingFile(backingOffset, backingLength, fileSize);
    extensions = extensions(in, backingOffset, fileSize);
    checkFeatures(image);
  }

  /** Reads the header of {@code image}; {@code image}'s name is its path. */
  static Qcow2Header decode(ByteSource image) throws IOException {
    return new Qcow2Header(Cursor.of(image), image.name() + ": header", image);
  }

  private void requireTable(Cursor in, String field, long offset, long bytes, long fileSize)
      throws FormatException {
    requireTable(name, in.position() - 8, field, offset, bytes, fileSize);
  }

  private void requireTable(
      String place, long at, String field, long offset, long bytes, long fileSize)
      throws FormatException {
    if (bytes > 0 && offset == 0 || offset < 0 || (offset & (clusterSize() - 1)) != 0) {
      throw new FormatException(
          place,
          at,
          "'%s' is 0x%x, a multiple of the cluster size 0x%x behind the header expected"
              .formatted(field, offset, clusterSize()));
    }
    if (offset > fileSize - bytes) {
      throw new FormatException(
          place,
          at,
          "'%s': 0x%x+0x%x is past the end 0x%x of the file (is the file cut short?)"
              .formatted(field, offset, bytes, fileSize));
    }
  }

  private Optional<Span> backingFile(long offset, long bytes, long fileSize)
      throws FormatException {
    if (offset == 0) {
      return Optional.empty();
    }
    long area = Math.min(clusterSize(), fileSize);
    if (offset < length || bytes > LONGEST_BACKING_NAME || offset > area - bytes) {
      throw new FormatException(
          name,
          8,
          "a backing file's name at 0x%x, %d bytes long: it has to lie between 0x%x and 0x%x"
              .formatted(offset, bytes, length, area));
    }
    return Optional.of(new Span(offset, bytes));
  }

  private List<HeaderExtension> extensions(Cursor in, long backingOffset, long fileSize)
      throws IOException {
    long end = Math.min(backingOffset == 0 ? clusterSize() : backingOffset, fileSize);
    if (end < length) {
      throw new FormatException(
          name, fileSize, "the file ends inside the header's %d bytes".formatted(length));
    }
    in.skip(length - in.position(), "header");
    return HeaderExtension.decodeAll(in.slice(end - length, "extensions"));
  }

  private void checkFeatures(ByteSource image) throws IOException {
    long unknown = incompatible & ~KNOWN_INCOMPATIBLE;
    if (unknown != 0) {
      throw new UnsupportedFormatException(
          name,
          72,
          "incompatible features 0x%x are not known here%s: a newer program made this image"
              .formatted(unknown, HeaderExtension.featureNames(image, extensions, unknown)));
    }
    if ((incompatible & COMPRESSION_TYPE) != 0 ? compressionType == 0 : compressionType != 0) {
      throw new FormatException(
          name,
          V3_LENGTH,
          "'compression_type' %d and incompatible features 0x%x contradict each other"
              .formatted(compressionType, incompatible));
    }
    if (compressionType > 1) {
      throw new UnsupportedFormatException(
          name,
          V3_LENGTH,
          "'compression_type' is %d, 0 (zlib) and 1 (zstd) are known".formatted(compressionType));
    }
    if (extendedL2() && clusterBits < 14) {
      throw new FormatException(
          name,
          20,
          "extended L2 entries with clusters of %d bytes, at least 16384 expected"
              .formatted(clusterSize()));
    }
    if (l1Size < l1Index(diskSize)) {
      throw new FormatException(
          name,
          L1_SIZE_AT,
          "an L1 table of %d entries is too small for a disk of 0x%x bytes, which takes %d"
              .formatted(l1Size, diskSize, l1Index(diskSize)));
    }
  }

  /** 2 or 3. */
  public int version() {
    return version;
  }

  /** The cluster size is two to this power. */
  public int clusterBits() {
    return clusterBits;
  }

  /** Bytes of a cluster, 512 to 2 MiB. */
  public int clusterSize() {
    return 1 << clusterBits;
  }

  /** Bytes of the virtual disk. */
  public long diskSize() {
    return diskSize;
  }

  /** Entries of the active L1 table. */
  public long l1Size() {
    return l1Size;
  }

  /** Where the active L1 table stands. */
  public long l1Offset() {
    return l1Offset;
  }

  /** Where the refcount table stands, and its length. */
  public Span refcountTable() {
    return new Span(refcountTableOffset, refcountTableClusters << clusterBits);
  }

  /** How many snapshots there are. */
  public int snapshotCount() {
    return (int) snapshotCount;
  }

  /** Where the snapshot table starts. */
  public long snapshotsOffset() {
    return snapshotsOffset;
  }

  /** A refcount has two to this power bits. */
  public int refcountOrder() {
    return refcountOrder;
  }

  /** Bits a writer that does not know them has to clear. */
  public long autoclear() {
    return autoclear;
  }

  /** 0 zlib, 1 zstd. */
  public int compressionType() {
    return compressionType;
  }

  /** Where the name of the backing file stands. */
  public Optional<Span> backingFile() {
    return backingFile;
  }

  /** What follows the header, in file order. */
  public List<HeaderExtension> extensions() {
    return extensions;
  }

  /** Refcounts may be wrong: the image was not closed after it was written to. */
  public boolean dirty() {
    return (incompatible & DIRTY) != 0;
  }

  /** QEMU has found the tables to be wrong. */
  public boolean corrupt() {
    return (incompatible & CORRUPT) != 0;
  }

  /** The disk's data lie in another file. */
  public boolean externalData() {
    return (incompatible & EXTERNAL_DATA) != 0;
  }

  /** L2 entries are 16 bytes, with a bitmap of 32 subclusters. */
  public boolean extendedL2() {
    return (incompatible & EXTENDED_L2) != 0;
  }

  /** How disk and VM state are encrypted, if they are. */
  public Optional<String> encryption() {
    return cryptMethod == 0 ? Optional.empty() : Optional.of(cryptMethod == 1 ? "AES" : "LUKS");
  }

  /** Bytes of an L2 entry. */
  public int l2EntryBytes() {
    return extendedL2() ? 16 : 8;
  }

  /** An L2 table has two to this power entries. */
  public int l2Bits() {
    return clusterBits - (extendedL2() ? 4 : 3);
  }

  /** The first L1 entry behind a disk of so many bytes: the VM state starts there. */
  public long l1Index(long disk) {
    int bits = clusterBits + l2Bits();
    return (disk >>> bits) + ((disk & ((1L << bits) - 1)) == 0 ? 0 : 1);
  }

  /** Clusters of a table or of data of so many bytes. */
  public long clusters(long bytes) {
    return (bytes >>> clusterBits) + ((bytes & (clusterSize() - 1)) == 0 ? 0 : 1);
  }
}
