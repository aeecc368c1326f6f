/**
 * Layouts for what vmdesc leaves opaque, and names for bits and values: tables in text resources
 * beside this package (one {@code .layout} file per device family, listed in {@code index}) and the
 * engine that lays them over bytes. {@link dev.vmstate.layout.Layouts} is where to start; {@link
 * dev.vmstate.layout.LayoutReader} has the tables' grammar; {@link dev.vmstate.layout.Meanings}
 * says what a field's numbers are called. The engine knows no device.
 */
package dev.vmstate.layout;
