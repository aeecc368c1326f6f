package dev.vmstate.bytes;

/**
 * Told how far a long piece of work is. Libraries call it often; whoever shows it decides how often
 * people want to look.
 */
public interface Progress {
  /** Shows nothing. */
  Progress NONE =
      new Progress() {
        @Override
        public void start(String what, long total) {}

        @Override
        public void at(long done) {}
      };

  /** A piece of work of {@code total} bytes begins. */
  void start(String what, long total);

  /** So many bytes of it are done. */
  void at(long done);
}
