/**
 * The network of a guest's Linux kernel: {@link dev.vmstate.core.net.NetNamespaces} are its network
 * namespaces, {@link dev.vmstate.core.net.Interfaces} the interfaces in one, {@link
 * dev.vmstate.core.net.Sockets} all its sockets.
 */
package dev.vmstate.core.net;
