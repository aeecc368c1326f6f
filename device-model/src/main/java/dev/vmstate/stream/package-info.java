/**
 * The records of a QEMU migration stream, version 3: decode and encode side by side, each file
 * opening with its grammar and the QEMU source it comes from. Knows nothing of files, RAM contents
 * or devices.
 *
 * <pre>
 * Stream ::= StreamHeader [Configuration] Record* 0x00 [0x06 u32 vmdesc]
 * Record ::= START | PART | END | FULL | COMMAND
 * </pre>
 */
package dev.vmstate.stream;
