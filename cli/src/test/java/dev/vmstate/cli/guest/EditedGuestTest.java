package dev.vmstate.cli.guest;

import java.util.List;

/** This host's own QEMU. */
class EditedGuestTest extends EditedGuest {
  @Override
  List<String> qemu() {
    return GuestMachine.hostQemu();
  }
}
