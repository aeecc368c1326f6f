package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;

/**
 * Whose a task is, in numbers of the first user namespace; names are in the guest's files. They are
 * those others see it by ({@code real_cred}), as in {@code /proc/PID/status}.
 */
public record Credentials(long uid, long euid, long suid, long gid, long egid, long sgid) {
  /** Of a task. */
  public static Credentials of(Task task) throws IOException {
    KernelObject cred = task.object().objects().at("cred", task.object().number("real_cred"));
    return new Credentials(
        cred.number("uid"),
        cred.number("euid"),
        cred.number("suid"),
        cred.number("gid"),
        cred.number("egid"),
        cred.number("sgid"));
  }
}
