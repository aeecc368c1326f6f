package dev.vmstate.container;

import dev.vmstate.compress.Feed;
import dev.vmstate.compress.ForwardSource;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Bytes that can be read once: standard input, a FIFO. */
final class Pipe extends InputStream implements Feed {
  private final InputStream in;
  private long passed;

  private Pipe(InputStream in) {
    this.in = in;
  }

  static ForwardSource standardInput() {
    return new ForwardSource("standard input", new Pipe(new FileInputStream(FileDescriptor.in)));
  }

  static ForwardSource of(Path fifo) throws IOException {
    return new ForwardSource(fifo.toString(), new Pipe(Files.newInputStream(fifo)));
  }

  @Override
  public InputStream open() {
    return this;
  }

  @Override
  public boolean again() {
    return false;
  }

  @Override
  public long consumed() {
    return passed;
  }

  @Override
  public int read() throws IOException {
    int one = in.read();
    passed += one < 0 ? 0 : 1;
    return one;
  }

  @Override
  public int read(byte[] into, int at, int length) throws IOException {
    int got = in.read(into, at, length);
    passed += Math.max(0, got);
    return got;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
