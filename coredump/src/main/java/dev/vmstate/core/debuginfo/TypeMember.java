package dev.vmstate.core.debuginfo;

/**
 * A member of a structure, or one inside an unnamed structure of it.
 *
 * @param path {@code tasks}; {@code uid.val} where the type of {@code uid} has no name
 * @param bit from the start of the structure
 * @param bits of a bit-field, 0 when it is none
 * @param bytes of all of it
 * @param length of an array's first dimension, -1 when it is none
 * @param elementBytes of an array's element
 * @param type name of the structure or union that it, or an element of it, is; else empty
 */
public record TypeMember(
    String path, long bit, int bits, long bytes, long length, long elementBytes, String type) {}
