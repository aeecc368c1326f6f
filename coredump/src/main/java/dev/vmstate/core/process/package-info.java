/**
 * A process of a guest's Linux: its areas of memory, the pages behind them, and its core as its own
 * kernel would have dumped it. Start at {@link dev.vmstate.core.process.ProcessCore}.
 */
package dev.vmstate.core.process;
