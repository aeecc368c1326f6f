/** Edits as patches, and patches as a new snapshot. */
package dev.vmstate.inject;
