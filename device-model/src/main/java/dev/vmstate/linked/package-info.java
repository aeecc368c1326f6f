/**
 * Edits of one thing that stands in several places: the machine's clock, the checksums over what
 * changes. Each gives the edits of all its places and says what it cannot reach.
 */
package dev.vmstate.linked;
