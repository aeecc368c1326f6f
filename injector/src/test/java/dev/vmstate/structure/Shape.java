package dev.vmstate.structure;

import dev.vmstate.fixtures.DeviceFields;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;

/**
 * A stream built by hand in one of several shapes: what an edit is to make of one of them is the
 * other one.
 */
final class Shape {
  private static final String VIDEO = "vga.vram";

  String machine = "pc-i440fx-7.2";
  String ram = "pc.ram";
  String timer = "timer";
  int counters = 3;
  boolean inner = true;
  boolean deep = true;
  boolean second = true;
  boolean only = true;
  boolean last = true;
  boolean video = true;
  boolean mapped;
  boolean vmdesc = true;
  boolean configurationTold = true;
  int padding;

  byte[] build() {
    MigrationStreamBuilder stream = new MigrationStreamBuilder(machine);
    if (mapped) {
      stream.mappedRam();
    } else {
      stream.capability("x-ignore-shared");
    }
    if (configurationTold) {
      stream.configurationInVmdesc();
    }
    if (!vmdesc) {
      stream.withoutVmdesc();
    }
    if (mapped) {
      mappedPages(stream);
    } else {
      records(stream);
    }
    long[] values = new long[counters];
    java.util.Arrays.setAll(values, i -> i * 3L);
    stream.device(
        timer,
        0,
        2,
        "timer",
        fields ->
            fields
                .u32("num", counters)
                .array("counters", "uint16", values)
                .struct(
                    "bus",
                    "bus",
                    1,
                    bus -> {
                      bus.u8("kind", 4).struct("slot", "slot", 1, this::slot);
                      if (second) {
                        bus.subsection("bus_second", 1, sub -> sub.u8("x", 1));
                      }
                    })
                .u32("mark", 0xfeed));
    stream.device(
        "other",
        1,
        fields -> {
          fields.u32("a", 1);
          if (only) {
            fields.subsection("other/only", 3, sub -> sub.u16("b", 2));
          }
        });
    if (last) {
      stream.device("last", 5, fields -> fields.u64("c", 6).buffer("d", new byte[40]));
    }
    return stream.padding(padding).build();
  }

  private void mappedPages(MigrationStreamBuilder stream) {
    if (video) {
      stream.block(VIDEO, 0x10000).mappedPage(VIDEO, 0, 9);
    }
    stream.block(ram, 0x40000).mappedPage(ram, 3, 7).part(items -> {});
  }

  /** A block's records come in three runs, one of which goes on in the next part. */
  private void records(MigrationStreamBuilder stream) {
    stream.block(ram, 0x40000, 0);
    if (video) {
      stream.block(VIDEO, 0x10000, 0x80000);
    }
    stream.part(
        items -> {
          items.page(ram, 1, 11).page(ram, 2, 12);
          video(items, 0);
          items.named().zero(ram, 5).named().zero(ram, 6);
          video(items, 1);
        });
    stream.part(
        items -> {
          video(items, 2);
          if (video) {
            items.named();
          }
          video(items, 3);
          items.named().zero(ram, 7);
        });
    stream.end(items -> items.page(ram, 1, 14));
  }

  private void video(PageItems items, int page) {
    if (video) {
      items.page(VIDEO, page, 13).zero(VIDEO, page + 1);
    }
  }

  private void slot(DeviceFields slot) {
    slot.u32("id", 9);
    if (inner) {
      slot.subsection(
          "slot/inner",
          1,
          sub -> {
            sub.u64("y", 77);
            if (deep) {
              sub.subsection("slot/inner/deep", 2, more -> more.u8("z", 5));
            }
          });
    }
  }
}
