/**
 * Guest-physical memory: which RAM block stands at which guest-physical address ({@link
 * dev.vmstate.memory.MemoryMap}) and how its bytes are read ({@link
 * dev.vmstate.memory.GuestMemory}). Nothing here knows of files or of page records.
 */
package dev.vmstate.memory;
