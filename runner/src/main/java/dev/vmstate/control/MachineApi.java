package dev.vmstate.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a machine's socket answers, with the paths and methods of Cloud Hypervisor's API 0.3.0:
 *
 * <pre>
 * GET /api/v1/vmm.ping      200 {"version": …, "pid": …}
 * GET /api/v1/vm.info       200 {"state": "Running" | "Paused" | "Shutdown", …}: see MachineFacts
 * PUT /api/v1/vm.pause      204, also when it is paused
 * PUT /api/v1/vm.resume     204, also when it runs
 * PUT /api/v1/vm.snapshot   204; {"directory": "/DIR"} or {"destination_url": "file:///DIR"}
 * PUT /api/v1/vm.shutdown   204; the machine ends, and the process that runs it
 * PUT /api/v1/vmm.shutdown  the same
 * </pre>
 *
 * <p>400: a body that is not that. 404, 405: no such path, another method. 409: not in this state
 * (a snapshot of a machine that runs; anything of one that has ended), or the directory exists.
 * 500: it was tried and failed. Each with {@code {"error": "…"}}, one line.
 *
 * <p>Unlike there, DIR must not exist: what stands under its name later is whole. A relative one is
 * relative to where the runner was started.
 */
public final class MachineApi {
  private static final String PREFIX = "/api/v1/";
  private static final Duration SLOW = Duration.ofSeconds(10);

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final MachineSession session;
  private final String version;

  private MachineApi(MachineSession session, String version) {
    this.session = session;
    this.version = version;
  }

  /**
   * Serves a machine on a new socket, until it is closed.
   *
   * @param version what {@code vmm.ping} tells
   * @throws IOException the path exists, is too long for a socket, or its directory cannot be
   *     written
   */
  public static ApiServer serve(Path socket, MachineSession session, String version)
      throws IOException {
    return ApiServer.start(socket, new MachineApi(session, version)::answer, SLOW);
  }

  HttpResponse answer(HttpRequest request) throws IOException {
    String path = request.path();
    String verb = path.startsWith(PREFIX) ? path.substring(PREFIX.length()) : "";
    String method;
    switch (verb) {
      case "vmm.ping", "vm.info" -> method = "GET";
      case "vm.pause", "vm.resume", "vm.snapshot", "vm.shutdown", "vmm.shutdown" -> method = "PUT";
      default -> {
        return HttpResponse.error(
            404,
            "no such path; there are %svm.info, vm.pause, vm.resume, vm.snapshot, vm.shutdown and vmm.ping"
                .formatted(PREFIX));
      }
    }
    if (!request.method().equals(method)) {
      return HttpResponse.notAllowed(request.method(), path, method);
    }
    try {
      return answer(verb, request.body());
    } catch (IllegalStateException e) {
      return HttpResponse.error(409, String.valueOf(e.getMessage()));
    }
  }

  private HttpResponse answer(String verb, String body) throws IOException {
    switch (verb) {
      case "vmm.ping" -> {
        return HttpResponse.of(
            JsonNodeFactory.instance
                .objectNode()
                .put("build_version", "vmstate " + version)
                .put("version", version)
                .put("pid", ProcessHandle.current().pid()));
      }
      case "vm.info" -> {
        return HttpResponse.of(MachineFacts.of(session.info()));
      }
      case "vm.pause" -> session.pause();
      case "vm.resume" -> session.resume();
      case "vm.snapshot" -> {
        return snapshot(body);
      }
      default -> session.end();
    }
    return HttpResponse.DONE;
  }

  private HttpResponse snapshot(String body) throws IOException {
    Path directory;
    try {
      directory = directory(body);
    } catch (IllegalArgumentException e) {
      return HttpResponse.error(400, String.valueOf(e.getMessage()));
    }
    if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      return HttpResponse.error(409, directory + ": it is there already, and is not replaced");
    }
    session.snapshot(directory);
    return HttpResponse.DONE;
  }

  /** From {@code {"directory": "DIR"}} or {@code {"destination_url": "file:///DIR"}}. */
  private static Path directory(String body) {
    JsonNode node;
    try {
      node = JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "the body is no JSON: " + e.getOriginalMessage().replaceAll("\\s*\\R\\s*", " "), e);
    }
    for (String name : List.of("directory", "destination_url")) {
      String text = node.path(name).asText("");
      if (node.isObject() && node.size() == 1 && node.path(name).isTextual() && !text.isEmpty()) {
        return name.equals("directory") ? Path.of(text) : ofUrl(text);
      }
    }
    throw new IllegalArgumentException(
        "the body is {\"directory\": \"/DIR\"} or {\"destination_url\": \"file:///DIR\"}");
  }

  private static Path ofUrl(String url) {
    try {
      URI uri = URI.create(url);
      if ("file".equals(uri.getScheme())) {
        return Path.of(uri);
      }
    } catch (IllegalArgumentException | FileSystemNotFoundException e) {
      // told below; an InvalidPathException is one, too
    }
    throw new IllegalArgumentException("'%s' is no file:///DIR".formatted(url));
  }
}
