package dev.vmstate.core.net;

import dev.vmstate.core.files.FileOwners.Owner;
import java.util.List;

/**
 * A socket, as the files in {@code /proc/net} show it.
 *
 * @param address of its {@code struct sock}
 * @param net address of its network namespace, a {@code struct net}
 * @param protocol {@code tcp}, {@code tcp6}, {@code udp}, {@code unix}, …; {@code family 40} of
 *     those this reader knows nothing of
 * @param type {@code stream}, {@code dgram}, {@code raw}, {@code seqpacket}
 * @param state {@code LISTEN}, {@code ESTABLISHED}
 * @param local address and port, or a name: {@code 10.0.0.1:22}, {@code [::]:22}, {@code /run/log},
 *     {@code @abstract}; of packet sockets protocol and interface
 * @param remote the same of the other end; empty when there is none
 * @param inode number, {@code socket:[1234]}; 0 when nobody has it as a file
 * @param uid of who made it
 * @param receiveQueue bytes that were not read yet; of listening ones connections
 * @param sendQueue bytes that were not sent or acknowledged yet
 * @param peer inode of the other end of a UNIX socket, 0 without
 * @param owners processes that have it
 * @param foundBy {@code table} and {@code file}: where it was found
 * @param hidden whether it should be in a table of the kernel's and is not
 */
public record GuestSocket(
    long address,
    long net,
    String protocol,
    String type,
    String state,
    String local,
    String remote,
    long inode,
    long uid,
    long receiveQueue,
    long sendQueue,
    long peer,
    List<Owner> owners,
    List<String> foundBy,
    boolean hidden) {
  public GuestSocket {
    owners = List.copyOf(owners);
    foundBy = List.copyOf(foundBy);
  }
}
