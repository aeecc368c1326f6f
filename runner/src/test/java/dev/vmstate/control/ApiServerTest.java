package dev.vmstate.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ApiServerTest {
  private static final String GOOD = "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n";
  private static final Duration SLOW = Duration.ofSeconds(5);

  @TempDir Path directory;
  private Path socket;
  private ApiServer server;
  private final CountDownLatch held = new CountDownLatch(1);
  private final CountDownLatch arrived = new CountDownLatch(1);

  @BeforeEach
  void start() throws IOException {
    socket = directory.resolve("api");
    server = ApiServer.start(socket, this::answer, SLOW);
  }

  @AfterEach
  void stop() throws IOException {
    held.countDown();
    server.close();
  }

  /** Says what it was asked; /hold waits until it may go on. */
  private HttpResponse answer(HttpRequest request) throws IOException {
    if (request.path().equals("/hold")) {
      arrived.countDown();
      try {
        assertTrue(held.await(1, TimeUnit.MINUTES));
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
    if (request.path().equals("/bug")) {
      throw new IllegalArgumentException("a\nbug");
    }
    return HttpResponse.error(200, request.method() + " " + request.path() + " " + request.body());
  }

  private static String echoed(String what) {
    return "HTTP/1.1 200 OK\r\nServer: vmstate\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        + "Content-Length: %d\r\n\r\n{\"error\":\"%s\"}\n".formatted(what.length() + 13, what);
  }

  /** Status of the one answer to this, after which the server hangs up. */
  private int refused(String request) throws IOException {
    try (RawClient client = new RawClient(socket)) {
      String all =
          assertTimeoutPreemptively(
              Duration.ofSeconds(20), () -> client.send(request).rest(), request);
      assertTrue(all.matches("(?s)HTTP/1\\.1 [0-9]{3} .*\r\n\r\n\\{\"error\":\"[^\n]*\"}\n"), all);
      assertTrue(all.contains("\r\nConnection: close\r\n"), all);
      return Integer.parseInt(all.substring(9, 12));
    }
  }

  @Test
  void requestsOnOneConnectionAreAnsweredOneAfterAnother() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      for (int i = 0; i < 100; i++) {
        assertEquals(echoed("GET /echo "), client.send(GOOD).answer());
      }
    }
  }

  @Test
  void pipelinedRequestsKeepTheirOrder() throws Exception {
    StringBuilder all = new StringBuilder();
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      String body = "b".repeat(i);
      all.append(
          "PUT /%d HTTP/1.1\r\nHost: x\r\ncontent-length:  %d\r\n\r\n%s".formatted(i, i, body));
      expected.append(echoed("PUT /%d %s".formatted(i, body)));
    }
    try (RawClient client = new RawClient(socket)) {
      CompletableFuture<String> answers =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return client.rest();
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      client.send(all.toString()).end();
      assertEquals(expected.toString(), answers.get(1, TimeUnit.MINUTES));
    }
  }

  @Test
  void aRequestThatComesByteByByteIsOne() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      for (char c : "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".toCharArray()) {
        client.send(String.valueOf(c));
      }
      assertEquals(echoed("PUT /x abc"), client.answer());
    }
  }

  @Test
  void wholeUrisEmptyLinesAndOtherHeadersAreTaken() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      client.send(
          "\r\n\r\nGET http://localhost/echo HTTP/1.1\r\nhOST: x\r\nAccept: */*\r\nX: a\r\nX: b\r\n\r\n");
      assertEquals(echoed("GET /echo "), client.answer());
    }
  }

  @Test
  void aClientThatWaitsToSendItsBodyIsTold() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      client.send(
          "PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
      assertEquals("HTTP/1.1 100 Continue\r\n\r\n", client.answer());
      assertEquals(echoed("PUT /x ab"), client.send("ab").answer());
    }
  }

  @Test
  void theConnectionEndsWhenTheClientSaysSo() throws Exception {
    for (String request :
        List.of(
            "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET /echo HTTP/1.0\r\n\r\n")) {
      try (RawClient client = new RawClient(socket)) {
        assertEquals(
            echoed("GET /echo ").replace("keep-alive", "close"), client.send(request).rest());
      }
    }
    try (RawClient client = new RawClient(socket)) {
      client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      assertEquals(echoed("GET /echo "), client.answer());
      assertEquals("", client.end().rest());
    }
  }

  @Test
  void headHasNoBody() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      client.send("HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      assertTrue(client.rest().endsWith("\r\n\r\n"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "400, 'GET /echo HTTP/1.1\\r\\n\\r\\n'",
    "400, 'GET /echo HTTP/1.1\\nHost: x\\n\\n'",
    "400, 'GET /echo HTTP/1.1\\r\\nHost: x\\nX: y\\r\\n\\r\\n'",
    "400, 'GET  /echo HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'GET /echo\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'GET /a b HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'G\u00c4T /echo HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'GET echo HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'GET /echo HTTP/1.1\\r\\nHost : x\\r\\n\\r\\n'",
    "400, 'GET /echo HTTP/1.1\\r\\nHost: x\\r\\n folded\\r\\n\\r\\n'",
    "400, 'GET /echo HTTP/1.1\\r\\nHost: x\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'GET /echo HTTP/1.1\\r\\nHost: x\u0000\\r\\n\\r\\n'",
    "505, 'GET /echo HTTP/2.0\\r\\nHost: x\\r\\n\\r\\n'",
    "400, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: -1\\r\\n\\r\\n'",
    "400, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1, 1\\r\\n\\r\\na'",
    "400, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\nContent-Length: 1\\r\\n\\r\\na'",
    "400, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99999999999999999999\\r\\n\\r\\na'",
    "413, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 999999999999999999\\r\\n\\r\\na'",
    "413, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 65537\\r\\n\\r\\na'",
    "400, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\n\\r\\n\u00ff'",
    "411, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1\\r\\na\\r\\n0\\r\\n\\r\\n'",
    "411, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\na'",
    "417, 'PUT /x HTTP/1.1\\r\\nHost: x\\r\\nExpect: cake\\r\\n\\r\\n'",
  })
  void whatCannotBeUnderstoodOneWayIsRefused(int status, String request) throws Exception {
    assertEquals(status, refused(request.replace("\\r", "\r").replace("\\n", "\n")), request);
  }

  @Test
  void aHeadWithoutAnEndIsRefusedAtItsLimit() throws Exception {
    assertEquals(431, refused("GET /" + "a".repeat(HttpReader.HEAD)));
    assertEquals(431, refused(GOOD.substring(0, GOOD.length() - 2) + "X: y\r\n".repeat(100_000)));
  }

  @Test
  void theLongestBodyIsTaken() throws Exception {
    String body = "a".repeat(HttpReader.BODY);
    try (RawClient client = new RawClient(socket)) {
      client.send(
          "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
              .formatted(body.length(), body));
      assertEquals(echoed("PUT /x " + body), client.answer());
    }
  }

  @Test
  void aBugInAnAnswerIsAnAnswer() throws Exception {
    try (RawClient client = new RawClient(socket)) {
      String answer = client.send("GET /bug HTTP/1.1\r\nHost: x\r\n\r\n").answer();
      assertTrue(answer.startsWith("HTTP/1.1 500 "), answer);
      assertTrue(answer.contains("IllegalArgumentException: a bug"), answer);
      assertEquals(echoed("GET /echo "), client.send(GOOD).answer());
    }
  }

  @Test
  void aSlowClientIsCutOffAndHoldsUpNobody() throws Exception {
    Path other = directory.resolve("impatient");
    try (ApiServer impatient = ApiServer.start(other, this::answer, Duration.ofMillis(300));
        RawClient slow = new RawClient(other).send("GET /echo HT");
        RawClient quick = new RawClient(other)) {
      assertEquals(echoed("GET /echo "), quick.send(GOOD).answer());
      String answer = slow.rest();
      assertTrue(answer.startsWith("HTTP/1.1 408 "), answer);
      assertTrue(answer.contains("not complete in 300 ms"), answer);
      assertThrows(
          IOException.class,
          () -> ApiServer.start(other, this::answer, SLOW),
          () -> impatient + " has that name");
    }
  }

  @Test
  void oneClientTooManyIsToldAndTheNextFindsAPlace() throws Exception {
    List<RawClient> clients = new ArrayList<>();
    try {
      for (int i = 0; i < ApiServer.CLIENTS; i++) {
        clients.add(new RawClient(socket));
        assertEquals(echoed("GET /echo "), clients.get(i).send(GOOD).answer());
      }
      try (RawClient more = new RawClient(socket)) {
        assertTrue(more.rest().startsWith("HTTP/1.1 503 "));
      }
      // The server reads this one's end before it hangs up: then there is a place.
      assertEquals("", clients.get(0).end().rest());
      assertTimeoutPreemptively(Duration.ofSeconds(20), this::aPlaceIsFound);
    } finally {
      for (RawClient client : clients) {
        client.close();
      }
    }
  }

  private void aPlaceIsFound() throws IOException {
    String answer = "";
    while (!answer.startsWith("HTTP/1.1 200 ")) {
      try (RawClient client = new RawClient(socket)) {
        answer = client.send(GOOD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).rest();
      } catch (IOException refusedWhileSending) {
        answer = "";
      }
    }
  }

  @Test
  void anAnswerUnderWayIsSentWhenTheServerCloses() throws Exception {
    try (RawClient busy = new RawClient(socket);
        RawClient idle = new RawClient(socket)) {
      assertEquals(echoed("GET /echo "), idle.send(GOOD).answer());
      busy.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
      assertTrue(arrived.await(1, TimeUnit.MINUTES));
      CompletableFuture<Void> closed =
          CompletableFuture.runAsync(
              () -> {
                try {
                  server.close();
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      assertThrows(IOException.class, () -> connectsForever());
      held.countDown();
      assertTrue(
          busy.rest().startsWith("HTTP/1.1 200 OK\r\nServer: vmstate\r\nConnection: close\r\n"));
      assertEquals("", idle.rest());
      closed.get(1, TimeUnit.MINUTES);
    }
  }

  /** Until the socket is gone. */
  private void connectsForever() throws IOException {
    while (true) {
      new RawClient(socket).close();
    }
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 60);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void randomBytesGetAnAnswerOrNoneAndTheNextClientIsServed(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bytes = new byte[1 + random.nextInt(random.nextBoolean() ? 40 : 20_000)];
    random.nextBytes(bytes);
    // Half of them start like a request, so that they get further.
    byte[] good =
        ("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-"
                + "y".repeat(random.nextInt(30))
                + ": z\r\n\r\nhello")
            .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    if (random.nextBoolean()) {
      bytes = good;
      for (int i = 0; i < 1 + random.nextInt(4); i++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
    }
    byte[] sent = bytes;
    try (RawClient client = new RawClient(socket)) {
      String answers =
          assertTimeoutPreemptively(
              Duration.ofSeconds(20),
              () -> {
                try {
                  return client.send(sent).end().rest();
                } catch (IOException hungUp) {
                  return "";
                }
              });
      assertTrue(answers.isEmpty() || answers.startsWith("HTTP/1.1 "), answers);
    }
    try (RawClient client = new RawClient(socket)) {
      assertEquals(echoed("GET /echo "), client.send(GOOD).answer());
    }
  }
}
