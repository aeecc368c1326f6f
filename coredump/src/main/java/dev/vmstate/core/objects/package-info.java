/**
 * Structures in a guest kernel's memory, by the names its sources have for them. {@link
 * dev.vmstate.core.objects.KernelObject} is one of them, {@link
 * dev.vmstate.core.objects.KernelObjects} where to get the first; lists, XArrays and per-CPU
 * variables lead to the others. A guest's memory can hold anything: every walk is bounded, and says
 * where it broke off.
 */
package dev.vmstate.core.objects;
