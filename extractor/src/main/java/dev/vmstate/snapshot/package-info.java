/**
 * A snapshot file, opened read-only: which container it is, its stream's layout, its devices, its
 * memory. Start at {@link dev.vmstate.snapshot.Snapshot}.
 */
package dev.vmstate.snapshot;
