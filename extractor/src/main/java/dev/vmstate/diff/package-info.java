/**
 * What differs between two snapshots. Start at {@link dev.vmstate.diff.SnapshotDiff}.
 *
 * <p>Devices are compared field by field, by the names their own descriptions give; RAM is compared
 * by what each page finally holds, however often and in whichever order the streams sent it.
 */
package dev.vmstate.diff;
