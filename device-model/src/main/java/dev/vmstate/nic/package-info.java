/**
 * Network cards as people see them: a model and a MAC address, over the several places in a
 * device's state that hold the address. One file per model, each naming its QEMU source.
 */
package dev.vmstate.nic;
