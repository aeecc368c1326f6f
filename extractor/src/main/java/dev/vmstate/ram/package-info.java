/**
 * RAM inside a migration stream. {@link dev.vmstate.ram.PageRecords} reads page records as they
 * come, {@link dev.vmstate.ram.RamIndex} remembers where each page's last value lies without an
 * object per page, {@link dev.vmstate.ram.StreamMemory} reads guest memory through it.
 */
package dev.vmstate.ram;
