package dev.vmstate.core.kallsyms;

import java.util.OptionalLong;

/**
 * Virtual addresses of the tables, as VMCOREINFO's {@code SYMBOL(kallsyms_…)} lines have them: the
 * kernel leaves its own tables out of them.
 *
 * @param names {@code kallsyms_names}
 * @param numSyms {@code kallsyms_num_syms}
 * @param markers {@code kallsyms_markers}
 * @param tokenTable {@code kallsyms_token_table}
 * @param tokenIndex {@code kallsyms_token_index}
 * @param offsets {@code kallsyms_offsets}, empty where whole addresses are kept
 * @param addresses {@code kallsyms_addresses}, empty where offsets are kept
 * @param relativeBase {@code kallsyms_relative_base}, empty where offsets are not relative to it
 * @param layout in words, for reports
 */
public record KallsymsPlace(
    long names,
    long numSyms,
    long markers,
    long tokenTable,
    long tokenIndex,
    OptionalLong offsets,
    OptionalLong addresses,
    OptionalLong relativeBase,
    String layout) {}
