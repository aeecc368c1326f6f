package dev.vmstate.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.StopReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineApiTest {
  @TempDir Path directory;
  private Path socket;
  private final FakeMachine machine = new FakeMachine();
  private final MachineSession session = new MachineSession(machine);
  private ApiServer server;
  private ApiClient client;

  @BeforeEach
  void start() throws IOException {
    socket = directory.resolve("api");
    server = MachineApi.serve(socket, session, "1.2");
    client = new ApiClient(socket);
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private String raw(String method, String path, String body) throws IOException {
    try (RawClient raw = new RawClient(socket)) {
      String text =
          "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
              .formatted(method, path, body.length(), body);
      return raw.send(text).rest();
    }
  }

  private int status(String method, String path, String body) throws IOException {
    return Integer.parseInt(raw(method, path, body).substring(9, 12));
  }

  @Test
  void theVerbsDoWhatTheySay() throws Exception {
    assertEquals("Paused", client.info().path("state").asText());
    client.resume();
    assertEquals(MachineControl.State.RUNNING, machine.state());
    JsonNode running = client.info();
    assertEquals("Running", running.path("state").asText());
    assertTrue(running.path("vcpus").path(0).path("registers").isMissingNode());
    client.pause();
    assertEquals(MachineControl.State.PAUSED, machine.state());
    assertEquals(
        "0x100c", client.info().path("vcpus").path(0).path("registers").path("rip").asText());
    client.snapshot(directory.resolve("one"));
    assertTrue(Files.isDirectory(directory.resolve("one")));
    client.resume();
    client.end();
    session.awaitStop();
    assertTrue(session.isEnding());
  }

  @Test
  void cloudHypervisorsPathsAreKnown() throws Exception {
    assertEquals(204, status("PUT", "/api/v1/vm.pause", ""));
    Path one = directory.resolve("with blank");
    String url = "{\"destination_url\": \"file://%s/with%%20blank\"}".formatted(directory);
    assertEquals(204, status("PUT", "/api/v1/vm.snapshot", url));
    assertTrue(Files.isDirectory(one));
    assertEquals(204, status("PUT", "/api/v1/vm.resume", ""));
    assertTrue(raw("GET", "/api/v1/vmm.ping", "").contains("\"version\":\"1.2\""));
    assertEquals(204, status("PUT", "/api/v1/vmm.shutdown", ""));
  }

  @Test
  void aMachineThatRunsIsNotSaved() throws Exception {
    client.resume();
    Path one = directory.resolve("one");
    assertEquals(
        409, status("PUT", "/api/v1/vm.snapshot", "{\"directory\":\"%s\"}".formatted(one)));
    assertEquals(
        socket + ": the machine runs: pause it first",
        assertThrows(IOException.class, () -> client.snapshot(one)).getMessage());
    assertFalse(Files.exists(one));
  }

  @Test
  void aDirectoryThatExistsIsNotReplaced() throws Exception {
    assertEquals(
        "%s: %s: it is there already, and is not replaced".formatted(socket, directory),
        assertThrows(IOException.class, () -> client.snapshot(directory)).getMessage());
  }

  @Test
  void nothingIsDoneWithAMachineThatEnded() throws Exception {
    client.resume();
    machine.stop(StopReason.Kind.HALTED);
    for (String verb : List.of("vm.pause", "vm.resume")) {
      assertEquals(409, status("PUT", "/api/v1/" + verb, ""));
    }
    assertEquals("Shutdown", client.info().path("state").asText());
    assertEquals("halted", client.info().path("stopped").path("kind").asText());
  }

  @Test
  void otherPathsAndMethodsAreRefused() throws Exception {
    assertEquals(404, status("GET", "/", ""));
    assertEquals(404, status("GET", "/api/v1/vm.info?x=1", ""));
    assertEquals(404, status("PUT", "/api/v1/vm.create", ""));
    assertEquals(405, status("GET", "/api/v1/vm.pause", ""));
    assertTrue(raw("POST", "/api/v1/vm.info", "").contains("\r\nAllow: GET\r\n"));
  }

  @Test
  void aBodyThatNamesNoDirectoryIsRefused() throws Exception {
    for (String body :
        List.of(
            "",
            "x",
            "[]",
            "{}",
            "{\"directory\":3}",
            "{\"directory\":\"\"}",
            "{\"directory\":\"a\\u0000b\"}",
            "{\"directory\":\"/a\",\"destination_url\":\"file:///a\"}",
            "{\"directory\":\"/a\"} x",
            "{\"destination_url\":\"http://x/a\"}",
            "{\"destination_url\":\"file://host/a\"}",
            "{\"destination_url\":\"file:relative\"}",
            "{\"destination_url\":\"%\"}",
            "[".repeat(5000))) {
      assertEquals(400, status("PUT", "/api/v1/vm.snapshot", body), body);
    }
    assertEquals(MachineControl.State.PAUSED, machine.state());
  }

  @Test
  void manyClientsAtOnceAreServedOneVerbAtATime() throws Exception {
    List<CompletableFuture<Void>> all =
        IntStream.range(0, 8)
            .mapToObj(
                i ->
                    CompletableFuture.runAsync(
                        () -> {
                          try {
                            for (int n = 0; n < 25; n++) {
                              client.resume();
                              client.info();
                              client.pause();
                            }
                          } catch (IOException e) {
                            throw new AssertionError(e);
                          }
                        }))
            .toList();
    for (CompletableFuture<Void> one : all) {
      one.get(1, TimeUnit.MINUTES);
    }
    assertEquals(MachineControl.State.PAUSED, machine.state());
    assertEquals(200, session.resumes());
  }

  @Test
  void whoeverWaitsLearnsOfAResumeAndOfTheEnd() throws Exception {
    long seen = session.resumes();
    CompletableFuture<Void> changed =
        CompletableFuture.runAsync(
            () -> {
              try {
                session.awaitChange(seen);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    client.resume();
    changed.get(1, TimeUnit.MINUTES);
    client.end();
    session.awaitChange(session.resumes());
    assertEquals(
        socket + ": the machine is about to end",
        assertThrows(IOException.class, client::resume).getMessage());
  }

  @Test
  void aClientSaysWhatIsWrongWithTheSocket() throws Exception {
    Path none = directory.resolve("none");
    String gone = assertThrows(IOException.class, new ApiClient(none)::info).getMessage();
    assertTrue(gone.startsWith(none + ": no such socket"), gone);
    Path file = Files.writeString(directory.resolve("file"), "");
    String refused = assertThrows(IOException.class, new ApiClient(file)::info).getMessage();
    assertTrue(refused.startsWith(file + ": no machine listens there"), refused);
  }
}
