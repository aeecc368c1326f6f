/**
 * Edits that change which parts a stream has, what they are called, or how long they are. Each is
 * told to {@link dev.vmstate.inject.StructureEdits} as bytes that replace others, together with
 * what describes them; {@link dev.vmstate.inject.EditPlan} carries them out.
 */
package dev.vmstate.structure;
