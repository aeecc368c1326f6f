/**
 * One container to another. {@link dev.vmstate.convert.StreamForm} writes a snapshot's stream front
 * to back, as it is or, where its pages lie outside the records, in the form every loader takes;
 * {@link dev.vmstate.convert.MappedForm} writes mapped-ram; the targets put either into a file.
 */
package dev.vmstate.convert;
