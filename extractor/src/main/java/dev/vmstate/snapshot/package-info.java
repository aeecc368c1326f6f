/** A snapshot, opened read-only: container, records, RAM and devices. */
package dev.vmstate.snapshot;
