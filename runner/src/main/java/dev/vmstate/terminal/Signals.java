package dev.vmstate.terminal;

import java.io.Closeable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What is done when a signal comes, until this is closed: then everything is as it was found. The
 * JVM calls handlers in a thread of their own, one for each signal that comes, so they may do what
 * they like.
 *
 * <p>{@code sun.misc.Signal} is the JDK's only door to this (module {@code jdk.unsupported}, which
 * every JDK since 9 has). javac has a warning for those who name it that nothing turns off, so it
 * is called by reflection. A JVM that keeps a signal for itself ({@code -Xrs}) does not give it
 * away.
 */
public final class Signals implements Closeable {
  private static final String SIGNAL = "sun.misc.Signal";
  private static final String HANDLER = "sun.misc.SignalHandler";

  private final Deque<Runnable> undo = new ArrayDeque<>();
  private boolean wasIgnored;

  /** {@code signal} without SIG: {@code INT}. Returns whether it worked. */
  public boolean handle(String signal, Runnable what) {
    InvocationHandler called =
        (proxy, method, arguments) -> {
          switch (method.getName()) {
            case "handle" -> what.run();
            case "hashCode" -> {
              return System.identityHashCode(proxy);
            }
            case "equals" -> {
              return arguments != null && proxy == arguments[0];
            }
            case "toString" -> {
              return "handler of SIG" + signal;
            }
            default -> throw new UnsupportedOperationException(method.getName());
          }
          return null;
        };
    try {
      Class<?> type = Class.forName(HANDLER);
      Object proxy = Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, called);
      return install(signal, proxy);
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  /** The process does not notice it. */
  public boolean ignore(String signal) {
    try {
      return install(signal, Class.forName(HANDLER).getField("SIG_IGN").get(null));
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  /**
   * As {@link #handle}, but not if whoever started this process wants the signal to be ignored, as
   * nohup does with HUP.
   */
  public boolean handleUnlessIgnored(String signal, Runnable what) {
    if (!handle(signal, what)) {
      return false;
    }
    if (wasIgnored) {
      undo.pop().run();
    }
    return !wasIgnored;
  }

  private boolean install(String signal, @Nullable Object handler)
      throws ReflectiveOperationException {
    Object before = replace(signal, handler);
    wasIgnored = Objects.equals(before, Class.forName(HANDLER).getField("SIG_IGN").get(null));
    undo.push(
        () -> {
          try {
            replace(signal, before);
          } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
          }
        });
    return true;
  }

  private static @Nullable Object replace(String signal, @Nullable Object handler)
      throws ReflectiveOperationException {
    Class<?> type = Class.forName(SIGNAL);
    Method handle = type.getMethod("handle", type, Class.forName(HANDLER));
    return handle.invoke(null, type.getConstructor(String.class).newInstance(signal), handler);
  }

  @Override
  public void close() {
    while (!undo.isEmpty()) {
      undo.pop().run();
    }
  }
}
