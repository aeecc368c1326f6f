package dev.vmstate.nic;

import java.util.List;
import java.util.Optional;

/**
 * A row of {@code nics.table}.
 *
 * @param names of the model's sections, without the path of the device
 * @param copies where the address stands, the one that counts first
 * @param serial the serial number that is made of the address
 * @param needsSerial whether loading needs it to be changed with the address
 * @param commandLine what {@code mac=} does
 * @param limits what else a change cannot reach
 */
record NicModel(
    List<String> names,
    List<CopyRule> copies,
    Optional<SerialNumber> serial,
    boolean needsSerial,
    CommandLine commandLine,
    List<String> limits) {
  NicModel {
    names = List.copyOf(names);
    copies = List.copyOf(copies);
    limits = List.copyOf(limits);
  }
}
