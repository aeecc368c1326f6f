package dev.vmstate.bytes;

import java.io.Closeable;

/** A source that holds something open: a file, a pipe. */
public interface OpenSource extends ByteSource, Closeable {}
