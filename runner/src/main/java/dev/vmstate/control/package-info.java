/**
 * Lets other programs drive a running machine: JSON over HTTP on a Unix socket, with Cloud
 * Hypervisor's paths, so that {@code curl --unix-socket} and what people know of {@code ch-remote}
 * work.
 *
 * <p>Start at {@link dev.vmstate.control.ApiServer}; {@link dev.vmstate.control.MachineApi} is what
 * it answers, {@link dev.vmstate.control.ApiClient} asks. A Unix socket is why this is no library:
 * the JDK's HTTP server cannot listen on one, and those that can (Jetty, Netty) are many times the
 * size of everything here.
 */
package dev.vmstate.control;
