/**
 * Virtual addresses of an x86 guest: {@link dev.vmstate.core.paging.PageTables} translates one,
 * {@link dev.vmstate.core.paging.VirtualMap} lists what all CPUs map. Reads guest RAM only, which
 * is not trusted: work and output are bounded by {@link dev.vmstate.core.paging.WalkLimits}.
 */
package dev.vmstate.core.paging;
