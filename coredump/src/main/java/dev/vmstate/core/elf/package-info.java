/**
 * Core files of a whole machine. To write one: {@link dev.vmstate.core.elf.CoreLayout} from the RAM
 * blocks, {@link dev.vmstate.core.elf.LoadPlan} from layout, memory map and page tables, {@link
 * dev.vmstate.core.elf.CoreHeader} from plan and notes; whoever has the pages puts the bytes where
 * the layout says. What reads one is in {@link dev.vmstate.elf}.
 */
package dev.vmstate.core.elf;
