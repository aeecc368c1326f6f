package dev.vmstate.cli.guest;

import java.util.List;
import org.junit.jupiter.api.Tag;

/** QEMU 11.1, out of the cache. */
@Tag("matrix")
class EditedGuestOnQemu111Test extends EditedGuest {
  @Override
  List<String> qemu() {
    return GuestMachine.cachedQemu("11.1");
  }
}
