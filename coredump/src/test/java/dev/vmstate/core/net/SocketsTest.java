package dev.vmstate.core.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.files.FileOwners;
import dev.vmstate.core.files.FileOwners.Owner;
import dev.vmstate.core.files.OpenFile;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObjects;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Sockets that a test has put into tables and files. */
class SocketsTest {
  private static final int INET = 2;
  private static final int UNIX = 1;

  private final HandNet hand = new HandNet();

  private Sockets read(long... files) throws Exception {
    KernelObjects objects = hand.kernel().objects();
    List<OpenFile> open =
        java.util.stream.IntStream.range(0, files.length)
            .mapToObj(
                fd ->
                    new OpenFile(
                        fd,
                        "SOCK",
                        "socket:[1]",
                        2,
                        true,
                        true,
                        0,
                        9,
                        8,
                        1,
                        0,
                        0,
                        1,
                        false,
                        objects.at("file", files[fd])))
            .toList();
    ProcessFiles process =
        new ProcessFiles(
            7, 7, "p", Optional.empty(), Optional.empty(), Optional.empty(), open, List.of());
    FileOwners owners = new FileOwners();
    owners.add(process);
    return Sockets.of(objects, hand.namespaces(), List.of(process), owners);
  }

  @Test
  void aConnectionHasBothEndsItsQueuesAndItsProcess() throws Exception {
    long sock = hand.sock(INET, 1, 6, 1, 4711);
    hand.ends(sock, 22, 40000).established(2, sock);
    hand.kernel()
        .put(sock, "tcp_sock", "rcv_nxt", 5)
        .put(sock, "tcp_sock", "copied_seq", 0xffff_fff0L)
        .put(sock, "tcp_sock", "write_seq", 150)
        .put(sock, "tcp_sock", "snd_una", 100);

    Sockets sockets = read(hand.file(sock));

    assertEquals(
        List.of(
            new GuestSocket(
                sock,
                HandNet.NET,
                "tcp",
                "stream",
                "ESTABLISHED",
                "127.0.0.1:22",
                "127.0.0.1:40000",
                4711,
                1000,
                21,
                50,
                0,
                List.of(new Owner(7, 0, true, true)),
                List.of("table", "file"),
                false)),
        sockets.all());
    assertEquals(List.of(), sockets.notes());
  }

  @Test
  void socketsOfAllTablesAreFound() throws Exception {
    long listens = hand.sock(INET, 1, 6, 10, 1);
    long waits = hand.sock(INET, 0, 0, 6, 0);
    long udp = hand.sock(INET, 2, 17, 7, 2);
    long unix = hand.sock(UNIX, 1, 0, 10, 3);
    long hidden = hand.sock(UNIX, 2, 0, 7, 4);
    hand.ends(listens, 80, 0).ends(waits, 81, 9).ends(udp, 53, 0);
    hand.listening(1, listens).established(0, waits).udp(1, udp).unix(511, unix, hidden);
    hand.named(unix, "/run/a\0").named(hidden, "\0abs\0tract");
    hand.kernel().put(unix, "unix_sock", "peer", hidden).put(listens, "sock", "sk_ack_backlog", 3);

    List<String> lines =
        read().all().stream()
            .map(
                s ->
                    "%s %s %s %s %d %d"
                        .formatted(
                            s.protocol(),
                            s.state(),
                            s.local(),
                            s.remote(),
                            s.receiveQueue(),
                            s.peer()))
            .toList();

    assertEquals(
        List.of(
            "tcp TIME_WAIT 127.0.0.1:81 127.0.0.1:9 0 0",
            "tcp LISTEN 127.0.0.1:80  3 0",
            "udp CLOSE 127.0.0.1:53  0 0",
            "unix LISTEN /run/a  0 4",
            "unix CLOSE @abs@tract  0 0"),
        lines);
  }

  @Test
  void aSocketTakenOutOfItsTableIsFoundByItsFileAndMarked() throws Exception {
    long hidden = hand.sock(INET, 1, 6, 10, 1);
    long unbound = hand.sock(INET, 1, 6, 7, 2);
    long other = hand.sock(40, 1, 0, 1, 3);
    hand.ends(hidden, 31337, 0);

    List<GuestSocket> all = read(hand.file(hidden), hand.file(unbound), hand.file(other)).all();

    assertTrue(all.get(0).hidden());
    assertEquals(List.of("file"), all.get(0).foundBy());
    assertFalse(all.get(1).hidden());
    assertFalse(all.get(2).hidden());
    assertEquals("family 40", all.get(2).protocol());
  }

  @Test
  void aChainThatBreaksOrLoopsEndsThereAndLosesNoOther() throws Exception {
    long first = hand.sock(INET, 1, 6, 1, 1);
    long second = hand.sock(INET, 1, 6, 1, 2);
    long third = hand.sock(INET, 1, 6, 1, 3);
    hand.ends(first, 1, 1).ends(second, 2, 2).ends(third, 3, 3);
    hand.chain(HandNet.ESTABLISHED, HandKernel.DIRECT + HandKernel.BYTES, first);
    hand.chain(HandNet.ESTABLISHED + 8, second + 104, second);
    hand.established(2, third);

    Sockets sockets = read();

    assertEquals(List.of(1L, 2L, 3L), sockets.all().stream().map(GuestSocket::inode).toList());
    assertEquals(2, sockets.notes().size(), sockets.notes().toString());
    assertTrue(sockets.notes().get(0).contains("where no RAM is"));
    assertTrue(sockets.notes().get(1).contains("comes back"));
  }

  @Test
  void chainsThatMeetEndAndFaultsAreCounted() throws Exception {
    hand.kernel().put(HandKernel.DIRECT + 0x21_0000, "inet_hashinfo", "ehash_mask", 0xffff);
    long table = HandKernel.DIRECT + 0x80_0000;
    long chain = HandKernel.DIRECT + 0x90_0000;
    hand.kernel().put(HandKernel.DIRECT + 0x21_0000, "inet_hashinfo", "ehash", table);
    for (int i = 0; i < 0x1_0000; i++) {
      hand.kernel().word(table + 8L * i, i < 0x8000 ? 0x1000 : chain);
      hand.kernel().word(chain + 8L * i, i == 0xffff ? 1 : chain + 8L * i + 8);
    }
    SocketTables tables = new SocketTables(hand.kernel().objects());

    tables.readAll(hand.namespaces().all());

    assertTrue(tables.notes().size() < 60, () -> tables.notes().size() + " notes");
    assertTrue(tables.notes().toString().contains("more faults"), tables.notes().toString());
    assertTrue(tables.sockets().size() >= 0x1_0000);
  }

  @Test
  void aTableTooLargeToBeOneIsLeftOut() throws Exception {
    hand.kernel().put(HandKernel.DIRECT + 0x21_0000, "inet_hashinfo", "ehash_mask", 0xffff_ffffL);
    long udp = hand.sock(INET, 2, 17, 7, 2);
    hand.ends(udp, 53, 0).udp(0, udp);

    Sockets sockets = read();

    assertEquals(1, sockets.all().size());
    assertTrue(sockets.notes().get(0).contains("is none"), sockets.notes().toString());
  }

  @Test
  void addressesAreWrittenAsPeopleWriteThem() {
    assertEquals("10.0.0.255", InternetAddress.text(new byte[] {10, 0, 0, -1}));
    byte[] six = new byte[16];
    assertEquals("::", InternetAddress.text(six));
    six[15] = 1;
    assertEquals("::1", InternetAddress.text(six));
    six[0] = (byte) 0xfe;
    six[1] = (byte) 0x80;
    six[9] = 5;
    assertEquals("fe80::5:0:0:1", InternetAddress.text(six));
    byte[] mapped = new byte[16];
    mapped[10] = mapped[11] = -1;
    mapped[12] = 127;
    mapped[15] = 1;
    assertEquals("::ffff:127.0.0.1", InternetAddress.text(mapped));
  }
}
