package dev.vmstate.core.net;

import dev.vmstate.core.objects.KernelObject;
import java.util.Map;

/**
 * A network namespace: interfaces, addresses and sockets of its own.
 *
 * @param net its {@code struct net}
 * @param inode its number: {@code net:[4026531840]}
 * @param processes names by pid of those in it; a namespace may have none, and be kept by a file
 */
public record NetNamespace(KernelObject net, long inode, Map<Integer, String> processes) {}
