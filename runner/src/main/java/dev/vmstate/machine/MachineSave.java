package dev.vmstate.machine;

final class MachineSave {
  static void save(Object... o) throws java.io.IOException {
    throw new java.io.IOException("later");
  }
}
