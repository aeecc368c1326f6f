package dev.vmstate.inject;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/**
 * A file whose n-th change fails: what a full disk does, or, when it never works again, what a
 * program that is killed leaves behind. Long writes are made by half before they fail.
 */
class FaultyChannel extends FileChannel {
  /** Counts changes over all channels of one run. */
  static final class Fuse {
    private final int failsAt;
    private final boolean forGood;
    private int changes;

    /** {@code failsAt} counts from 0; {@code forGood}: nothing works after that either. */
    Fuse(int failsAt, boolean forGood) {
      this.failsAt = failsAt;
      this.forGood = forGood;
    }

    boolean blown() {
      int now = changes++;
      return forGood ? now >= failsAt : now == failsAt;
    }

    boolean first() {
      return changes - 1 == failsAt;
    }

    int changes() {
      return changes;
    }

    Opener opener() {
      return path -> new FaultyChannel(Opener.PLAIN.open(path), this);
    }
  }

  private final FileChannel file;
  private final Fuse fuse;

  FaultyChannel(FileChannel file, Fuse fuse) {
    this.file = file;
    this.fuse = fuse;
  }

  private void change() throws IOException {
    if (fuse.blown()) {
      throw new IOException("no space left, says the test");
    }
  }

  @Override
  public int write(ByteBuffer from, long position) throws IOException {
    if (fuse.blown()) {
      // A journal's mark stands inside one sector and is written whole or not at all.
      if (from.remaining() > 16 && fuse.first()) {
        file.write(from.slice(from.position(), from.remaining() / 2), position);
      }
      throw new IOException("no space left, says the test");
    }
    return file.write(from, position);
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    change();
    file.truncate(size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    change();
    file.force(metaData);
  }

  @Override
  public int read(ByteBuffer into, long position) throws IOException {
    return file.read(into, position);
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return file.tryLock(position, size, shared);
  }

  @Override
  protected void implCloseChannel() throws IOException {
    file.close();
  }

  // What the code under test does not use.

  @Override
  public int read(ByteBuffer into) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long read(ByteBuffer[] into, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer from) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long position() {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel position(long position) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }
}
