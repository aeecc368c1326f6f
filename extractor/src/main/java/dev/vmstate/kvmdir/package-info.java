/**
 * The directory in which the KVM runner leaves a snapshot: {@code config.json}, {@code state.json}
 * and {@code memory-ranges}. Start at {@code KvmDirectory} for reading one and at {@code
 * DirectoryWriter} for making one.
 */
package dev.vmstate.kvmdir;
