package dev.vmstate.cli.guest;

import java.util.List;
import org.junit.jupiter.api.Tag;

/** QEMU 10.0, out of the cache. */
@Tag("matrix")
class EditedGuestOnQemu100Test extends EditedGuest {
  @Override
  List<String> qemu() {
    return GuestMachine.cachedQemu("10.0");
  }
}
