/**
 * What a migration stream is kept in. {@link dev.vmstate.container.Containers} looks at a file's
 * first bytes and opens it; each {@link dev.vmstate.container.Container} gives the stream's bytes
 * and says where they stand. How edits get back into each kind is the injector's part.
 */
package dev.vmstate.container;
