/**
 * Edits as patches, and patches as a new snapshot. {@link dev.vmstate.inject.CoreComparison} finds
 * what differs between an edited core and its snapshot, {@link dev.vmstate.inject.EditPlan} holds
 * everything that is to change, {@link dev.vmstate.inject.EditedCopy} writes a new file and {@link
 * dev.vmstate.inject.InPlace} changes the old one, with a way back.
 */
package dev.vmstate.inject;
