/**
 * The terminal a guest's serial line is on, and the signals its user sends: {@link
 * dev.vmstate.terminal.RawTerminal} and {@link dev.vmstate.terminal.Signals}. Both put back what
 * they found.
 */
package dev.vmstate.terminal;
