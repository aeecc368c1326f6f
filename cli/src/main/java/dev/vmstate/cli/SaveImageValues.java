package dev.vmstate.cli;

import dev.vmstate.container.Container;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.inject.InPlace;
import dev.vmstate.inject.SaveImageEdit;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.libvirt.SaveImage;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What libvirt keeps before the stream, by the paths {@code get} and {@code set} know: {@code
 * domain.xml}, {@code cookie.xml}, {@code libvirt/was_running} and its kin.
 */
final class SaveImageValues {
  private static final String DOMAIN_XML = "domain.xml";
  private static final String COOKIE_XML = "cookie.xml";
  private static final String COMPLETE = "libvirt/complete";
  private static final String WAS_RUNNING = "libvirt/was_running";
  private static final String FORMAT = "libvirt/format";
  private static final String VERSION = "libvirt/version";
  private static final List<String> PATHS =
      List.of(DOMAIN_XML, COOKIE_XML, WAS_RUNNING, COMPLETE, FORMAT, VERSION);

  private SaveImageValues() {}

  /** Whether a path is one of these. */
  static boolean has(String path) {
    return PATHS.contains(path) || path.startsWith("libvirt/");
  }

  /** Whether a value is a document, which is printed as it is. */
  static boolean isDocument(String path) {
    return path.equals(DOMAIN_XML) || path.equals(COOKIE_XML);
  }

  /** Opens a file for these values alone: its stream is not looked at. */
  static Container open(SnapshotName source) throws IOException {
    if (KvmContainer.isDirectory(source)) {
      throw notOne(source, "directory", "domain.xml and its like");
    }
    InPlace.requireSettled(source.file());
    return Containers.open(source);
  }

  /** What holds a snapshot that is open already. */
  static Container holder(Snapshot opened, String path) throws IOException {
    if (opened instanceof EditableSnapshot editable) {
      return editable.holder();
    }
    throw notOne(opened.source(), opened.container(), path);
  }

  /** A value as text. */
  static String text(Container container, String path) throws IOException {
    if (!(container instanceof LibvirtContainer libvirt)) {
      throw notOne(container, path);
    }
    SaveImage image = libvirt.image();
    String place = container.source() + ": " + path;
    switch (path) {
      case DOMAIN_XML -> {
        return DomainXml.text(place, image.domainXml());
      }
      case COOKIE_XML -> {
        return DomainXml.text(
            place,
            image
                .cookie()
                .orElseThrow(() -> new IOException(container.source() + ": has no cookie")));
      }
      case WAS_RUNNING -> {
        return "" + image.header().wasRunning();
      }
      case COMPLETE -> {
        return image.header().complete() ? "1" : "0";
      }
      case FORMAT -> {
        return "" + image.header().format();
      }
      case VERSION -> {
        return "" + image.header().version();
      }
      default -> throw unknown(container, path);
    }
  }

  /** Changes a value; {@code @FILE} stands for what is in the file. */
  static void set(Container container, SaveImageEdit edit, String path, String value)
      throws IOException {
    switch (path) {
      case DOMAIN_XML -> {
        if (value.startsWith("@")) {
          Path file = Path.of(value.substring(1));
          edit.domainXml(bytes(file), file.toString(), "from " + file);
        } else {
          edit.domainXml(value.getBytes(StandardCharsets.UTF_8), path, "command line");
        }
      }
      case WAS_RUNNING -> edit.wasRunning(flag(path, value), "command line");
      case COMPLETE -> edit.complete(flag(path, value), "command line");
      default -> {
        if (PATHS.contains(path)) {
          throw new IOException("%s: %s can be read only".formatted(container.source(), path));
        }
        throw unknown(container, path);
      }
    }
  }

  /** The edit of a container that has these values. */
  static SaveImageEdit edit(Container container, String path) throws IOException {
    return SaveImageEdit.of(container).orElseThrow(() -> notOne(container, path));
  }

  private static byte[] bytes(Path file) throws IOException {
    if (Files.size(file) > SaveImageEdit.LONGEST_XML) {
      throw new IOException(
          "%s: has %d bytes, libvirt handles at most %d"
              .formatted(file, Files.size(file), SaveImageEdit.LONGEST_XML));
    }
    return Files.readAllBytes(file);
  }

  private static boolean flag(String path, String value) {
    if (!value.equals("0") && !value.equals("1")) {
      throw new IllegalArgumentException("%s: '%s' is neither 0 nor 1".formatted(path, value));
    }
    return value.equals("1");
  }

  private static IOException notOne(Container container, String path) {
    return notOne(container.source(), container.name(), path);
  }

  private static IOException notOne(SnapshotName source, String kind, String path) {
    return new IOException(
        "%s: is a %s: only a libvirt save image has %s".formatted(source, kind, path));
  }

  private static IOException unknown(Container container, String path) {
    return new IOException(
        "%s: no '%s': a libvirt save image has %s"
            .formatted(container.source(), path, String.join(", ", PATHS)));
  }
}
