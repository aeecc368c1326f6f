/**
 * Edits of what a guest's kernel has in its memory: {@link dev.vmstate.core.edit.GuestMac} the
 * address of a network card, {@link dev.vmstate.core.edit.GuestName} the machine's name. Each says
 * what it changes and what it has to leave.
 */
package dev.vmstate.core.edit;
