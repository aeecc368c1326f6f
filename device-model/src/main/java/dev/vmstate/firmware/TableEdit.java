package dev.vmstate.firmware;

/**
 * What was changed in a table, for reports.
 *
 * @param path how a person names it, with the address
 * @param before what it was
 * @param after what it becomes
 */
public record TableEdit(String path, String before, String after) {}
