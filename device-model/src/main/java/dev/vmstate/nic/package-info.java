/**
 * Network cards as people see them: a model and a MAC address, over the several places in a
 * device's state that hold the address. Which places, {@code nics.table} says, a row for each
 * model; virtio-net needs code.
 */
package dev.vmstate.nic;
