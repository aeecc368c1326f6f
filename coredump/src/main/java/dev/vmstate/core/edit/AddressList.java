package dev.vmstate.core.edit;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.RbTree;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@code struct netdev_hw_addr_list}: addresses of one interface. {@code dev_addr} points into
 * the first entry of {@code dev_addrs}. Since 5.18 the entries are also in a red-black tree, in the
 * order of address and type; a new address may have another place in it. The tree keeps its shape
 * then, and the entries change places. In 5.18 itself the first entry is not in the tree. Source:
 * {@code net/core/dev_addr_lists.c}, {@code __hw_addr_insert}.
 */
final class AddressList {
  /** A card has tens. */
  private static final int MOST_ENTRIES = 4096;

  private static final long COLOUR = 3;

  private final KernelObjects objects;
  private final KernelObject list;
  private final List<KernelObject> entries = new ArrayList<>();

  /** The list that is the member {@code path} of {@code device}. */
  AddressList(KernelObject device, String path) throws IOException {
    this.objects = device.objects();
    this.list = device.inside(path, "netdev_hw_addr_list");
    ListWalk walk = objects.list(list.at("list"), MOST_ENTRIES);
    for (long entry : walk.entries()) {
      entries.add(objects.container(entry, "netdev_hw_addr", "list"));
    }
  }

  /** Entries that have this address. */
  List<KernelObject> with(byte[] address) throws IOException {
    List<KernelObject> found = new ArrayList<>();
    for (KernelObject entry : entries) {
      if (NetDevices.stands(objects, entry.at("addr"), address)) {
        found.add(entry);
      }
    }
    return found;
  }

  /**
   * Gives entries another address.
   *
   * @return how many
   * @throws IOException when the tree is not one; nothing was written then
   */
  int change(byte[] from, byte[] to, KernelWrites writes) throws IOException {
    List<KernelObject> found = with(from);
    if (!found.isEmpty() && list.has("tree.rb_node")) {
      new Tree(from, to).reorder(writes);
    }
    for (KernelObject entry : found) {
      writes.write(entry.at("addr"), to);
    }
    return found.size();
  }

  /** What of the tree is looked at to put it in order again. */
  private final class Tree {
    private final List<Node> order = new ArrayList<>();

    Tree(byte[] from, byte[] to) throws IOException {
      RbTree tree = RbTree.of(objects, list.at("tree"), MOST_ENTRIES);
      if (tree.fault().isPresent()) {
        throw new IOException(
            "the tree of addresses at 0x%x %s".formatted(list.at("tree"), tree.fault().get()));
      }
      for (long at : tree.nodes()) {
        KernelObject entry = objects.container(at, "netdev_hw_addr", "node");
        KernelObject node = objects.at("rb_node", at);
        byte[] address = objects.memory().bytes(entry.at("addr"), to.length);
        order.add(
            new Node(
                at,
                node.number("__rb_parent_color"),
                node.number("rb_left"),
                node.number("rb_right"),
                Arrays.equals(address, from) ? to : address,
                (int) entry.number("type")));
      }
    }

    void reorder(KernelWrites writes) throws IOException {
      List<Node> sorted = new ArrayList<>(order);
      sorted.sort(
          Comparator.comparing(Node::address, Arrays::compareUnsigned)
              .thenComparingInt(Node::type));
      if (sorted.equals(order)) {
        return;
      }
      Map<Long, Long> instead = new HashMap<>();
      instead.put(0L, 0L);
      for (int i = 0; i < order.size(); i++) {
        instead.put(order.get(i).at(), sorted.get(i).at());
      }
      for (Node place : order) {
        KernelObject node = objects.at("rb_node", moved(instead, place.at()));
        long parent = place.parent() & ~COLOUR;
        long colour = place.parent() & COLOUR;
        writes.word(node.at("__rb_parent_color"), moved(instead, parent) | colour);
        writes.word(node.at("rb_left"), moved(instead, place.left()));
        writes.word(node.at("rb_right"), moved(instead, place.right()));
      }
      writes.word(list.at("tree.rb_node"), moved(instead, list.number("tree.rb_node")));
    }

    private long moved(Map<Long, Long> instead, long node) throws UnmappedAddressException {
      Long to = instead.get(node);
      if (to == null) { // a parent that is not in the tree
        throw new UnmappedAddressException("virtual", node);
      }
      return to;
    }
  }

  /**
   * A place in the tree and what stands there.
   *
   * @param parent address and colour
   * @param address as it will be
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody changes it, and nodes are equal by place
  private record Node(long at, long parent, long left, long right, byte[] address, int type) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Node node && node.at == at;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(at);
    }
  }
}
