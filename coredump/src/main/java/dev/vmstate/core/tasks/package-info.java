/**
 * What runs in a guest: {@link dev.vmstate.core.tasks.Tasks} finds all processes and their threads
 * in several ways and says which found whom; {@link dev.vmstate.core.tasks.Task} is one of them.
 */
package dev.vmstate.core.tasks;
