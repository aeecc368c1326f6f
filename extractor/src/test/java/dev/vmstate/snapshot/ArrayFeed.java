package dev.vmstate.snapshot;

import dev.vmstate.compress.Feed;
import java.io.ByteArrayInputStream;
import java.io.InputStream;

/** Bytes in memory as a decompressor would give them. */
@SuppressWarnings("ArrayRecordComponent") // nobody compares them
record ArrayFeed(byte[] bytes, boolean again) implements Feed {
  ArrayFeed(byte[] bytes) {
    this(bytes, true);
  }

  @Override
  public InputStream open() {
    return new ByteArrayInputStream(bytes);
  }

  @Override
  public long consumed() {
    return 0;
  }
}
