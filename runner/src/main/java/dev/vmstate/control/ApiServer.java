package dev.vmstate.control;

import java.io.Closeable;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Answers HTTP requests on a Unix socket, each client in a thread of its own, so that a slow one
 * holds up neither the others nor the machine. Clients, sizes and times are bounded.
 */
public final class ApiServer implements Closeable {
  /** Clients at a time; one more is told to come back. */
  static final int CLIENTS = 16;

  /** How long a client may wait with its next request. */
  private static final Duration IDLE = Duration.ofSeconds(30);

  /** How long {@link #close} waits for an answer that is under way. */
  private static final Duration GRACE = Duration.ofSeconds(2);

  /** What is read and thrown away of a request that was refused. */
  private static final int LEFTOVER = 1 << 20;

  /** Answers requests; called by many threads at once. */
  interface Handler {
    HttpResponse answer(HttpRequest request) throws IOException;
  }

  private final ApiSocket socket;
  private final Handler handler;
  private final Duration slow;
  private final Set<Client> clients = new HashSet<>();
  private boolean closing;

  private ApiServer(ApiSocket socket, Handler handler, Duration slow) {
    this.socket = socket;
    this.handler = handler;
    this.slow = slow;
  }

  /**
   * Makes the socket and listens.
   *
   * @param slow how long a request may take from its first byte to its last
   */
  static ApiServer start(Path path, Handler handler, Duration slow) throws IOException {
    ApiServer server = new ApiServer(ApiSocket.bind(path), handler, slow);
    Thread accepting = new Thread(server::accept, "api");
    accepting.setDaemon(true);
    accepting.start();
    return server;
  }

  private void accept() {
    while (socket.isOpen()) {
      try {
        admit(socket.accept());
      } catch (IOException e) {
        // Closed: the loop ends. No descriptor left, or a client that went: the next may fare
        // better.
        LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
      }
    }
  }

  private void admit(SocketChannel channel) throws IOException {
    Client client = new Client(TimedChannel.of(channel));
    boolean place;
    synchronized (clients) {
      place = !closing && clients.size() < CLIENTS;
      if (place) {
        clients.add(client);
      }
    }
    if (place) {
      client.thread.start();
      return;
    }
    try (TimedChannel full = client.channel) {
      HttpResponse busy =
          HttpResponse.error(503, "%d clients are here already: try again".formatted(CLIENTS));
      full.write(busy.encode(true, true), System.nanoTime());
    }
  }

  /** One client, until it goes. */
  private final class Client {
    final TimedChannel channel;
    final Thread thread = new Thread(this::serve, "api-client");
    private boolean busy;

    Client(TimedChannel channel) {
      this.channel = channel;
      thread.setDaemon(true);
    }

    private void serve() {
      try (channel) {
        HttpReader requests = new HttpReader(channel, IDLE, slow);
        boolean last = false;
        while (!last) {
          last = !one(requests);
        }
      } catch (IOException e) {
        // the client went, or this server does: there is nobody to tell
      } finally {
        synchronized (clients) {
          clients.remove(this);
        }
      }
    }

    /** Whether another request may follow. */
    private boolean one(HttpReader requests) throws IOException {
      Optional<HttpRequest> next;
      try {
        next = requests.next();
      } catch (HttpFault e) {
        refuse(HttpResponse.error(e.status(), String.valueOf(e.getMessage())));
        return false;
      } catch (SocketTimeoutException e) {
        refuse(
            HttpResponse.error(
                408, "the request was not complete in %d ms".formatted(slow.toMillis())));
        return false;
      }
      if (next.isEmpty() || !begin()) {
        return false;
      }
      try {
        HttpRequest request = next.get();
        HttpResponse response = answer(request);
        boolean last = request.last() || isClosing();
        ByteBuffer bytes = response.encode(last, !request.method().equals("HEAD"));
        channel.write(bytes, System.nanoTime() + slow.toNanos());
        return !last;
      } finally {
        synchronized (clients) {
          busy = false;
        }
      }
    }

    /**
     * What the client still sends is read, or its kernel would throw the answer away (RFC 9112,
     * 9.6).
     */
    private void refuse(HttpResponse response) throws IOException {
      long deadline = System.nanoTime() + Math.min(slow.toNanos(), Duration.ofSeconds(1).toNanos());
      channel.write(response.encode(true, true), deadline);
      channel.shutdownOutput();
      ByteBuffer thrown = ByteBuffer.allocate(8 << 10);
      for (int read = 0, n = 0; n >= 0 && read < LEFTOVER; read += n) {
        n = channel.read(thrown.clear(), deadline);
      }
    }

    private boolean begin() {
      synchronized (clients) {
        busy = !closing;
        return busy;
      }
    }
  }

  private boolean isClosing() {
    synchronized (clients) {
      return closing;
    }
  }

  private HttpResponse answer(HttpRequest request) {
    try {
      return handler.answer(request);
    } catch (IOException e) {
      return HttpResponse.error(500, String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      return HttpResponse.error(500, "internal error: " + e);
    }
  }

  /** Takes the socket's name away; answers under way are sent, everybody else is cut off. */
  @Override
  public void close() throws IOException {
    Set<Client> here;
    synchronized (clients) {
      closing = true;
      here = Set.copyOf(clients);
    }
    try {
      socket.close();
    } finally {
      long deadline = System.nanoTime() + GRACE.toNanos();
      for (Client client : here) {
        end(client, deadline);
      }
    }
  }

  private void end(Client client, long deadline) throws IOException {
    boolean busy;
    synchronized (clients) {
      busy = client.busy;
    }
    try {
      if (busy && client.thread != Thread.currentThread()) {
        client.thread.join(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    client.channel.close();
  }
}
