package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.files.FilePath;
import dev.vmstate.core.files.ProcessFiles;
import dev.vmstate.core.process.AddressSpace;
import dev.vmstate.core.process.Vma;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The files a process has mapped, each once.
 *
 * @param areas how many areas of memory each is in, by its name
 */
record MappedFiles(Map<String, Integer> areas) {
  /** Of each of {@code processes}, in that order. */
  static List<MappedFiles> of(Tasks tasks, List<ProcessFiles> processes, List<String> notes) {
    List<MappedFiles> all = new ArrayList<>();
    for (ProcessFiles process : processes) {
      Map<String, Integer> areas = new LinkedHashMap<>();
      try {
        Optional<Task> task = tasks.find(process.thread());
        Optional<AddressSpace> space =
            task.isEmpty() || task.get().isKernelThread()
                ? Optional.empty()
                : AddressSpace.of(task.get().object());
        for (Vma area : space.map(AddressSpace::vmas).orElse(List.of())) {
          if (area.file().isPresent()) {
            String name = FilePath.ofFile(area.file().get(), Optional.empty()).bytes();
            areas.merge(name, 1, Integer::sum);
          }
        }
        space.ifPresent(known -> notes.addAll(known.notes()));
      } catch (IOException broken) {
        notes.add("memory of process %d: %s".formatted(process.pid(), broken.getMessage()));
      }
      all.add(new MappedFiles(areas));
    }
    return all;
  }

  List<String> names() {
    return List.copyOf(areas.keySet());
  }

  ArrayNode json() {
    ArrayNode node = JsonNodeFactory.instance.arrayNode();
    areas.forEach(
        (name, count) -> {
          ObjectNode file = node.addObject();
          file.put("name", GuestText.json(name));
          file.put("areas", count);
        });
    return node;
  }
}
