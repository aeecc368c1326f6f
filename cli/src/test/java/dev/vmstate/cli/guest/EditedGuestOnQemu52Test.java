package dev.vmstate.cli.guest;

import java.util.List;
import org.junit.jupiter.api.Tag;

/** QEMU 5.2, out of the cache. */
@Tag("matrix")
class EditedGuestOnQemu52Test extends EditedGuest {
  @Override
  List<String> qemu() {
    return GuestMachine.cachedQemu("5.2");
  }
}
