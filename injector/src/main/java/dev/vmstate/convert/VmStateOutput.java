package dev.vmstate.convert;

import dev.vmstate.qcow2.L2Entry;
import dev.vmstate.qcow2.Qcow2Header;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a stream of unknown length into new clusters of an image, with L2 tables of its own. Every
 * cluster is allocated, zeros too: what is not would be looked for in the backing file.
 */
final class VmStateOutput extends OutputStream {
  private static final int STEP = 1 << 20;

  private final Qcow2Header header;
  private final RefcountEditor refcounts;
  private final FileChannel file;
  private final ByteBuffer buffer;
  private final ByteBuffer table;
  private final List<Long> tables = new ArrayList<>();
  private long size;

  VmStateOutput(Qcow2Header header, RefcountEditor refcounts, FileChannel file) {
    this.header = header;
    this.refcounts = refcounts;
    this.file = file;
    this.buffer = ByteBuffer.allocate(Math.max(STEP, header.clusterSize()));
    this.table = ByteBuffer.allocate(header.clusterSize());
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int length) throws IOException {
    size += length;
    while (length > 0) {
      int part = Math.min(length, buffer.remaining());
      buffer.put(bytes, from, part);
      from += part;
      length -= part;
      if (!buffer.hasRemaining()) {
        clusters();
      }
    }
  }

  private void clusters() throws IOException {
    buffer.flip();
    long count = header.clusters(buffer.remaining());
    long at = refcounts.allocate(count);
    CopyFile.write(file, buffer, at);
    long end = at + (count << header.clusterBits());
    if (file.size() < end) {
      CopyFile.write(file, ByteBuffer.allocate(1), end - 1);
    }
    buffer.clear();
    for (long cluster = at; cluster < end; cluster += header.clusterSize()) {
      table.putLong(cluster);
      if (header.extendedL2()) {
        table.putLong(L2Entry.ALL_SUBCLUSTERS);
      }
      if (!table.hasRemaining()) {
        table();
      }
    }
  }

  private void table() throws IOException {
    long at = refcounts.allocate(1);
    CopyFile.write(file, table.clear(), at);
    tables.add(at);
    table.clear();
    while (table.hasRemaining()) {
      table.put((byte) 0);
    }
    table.clear();
  }

  /** Writes the rest; where the L2 tables stand, one after the other. */
  List<Long> finish() throws IOException {
    clusters();
    if (table.position() > 0) {
      table();
    }
    return tables;
  }

  /** Bytes written so far. */
  long size() {
    return size;
  }
}
