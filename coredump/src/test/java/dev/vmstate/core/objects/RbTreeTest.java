package dev.vmstate.core.objects;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RbTreeTest {
  private static final long ROOT = DIRECT + 0x20000;
  private static final long A = ROOT + 0x100;
  private static final long B = ROOT + 0x200;
  private static final long C = ROOT + 0x300;

  /** A under B, C to the right of A. */
  private final HandKernel kernel =
      new HandKernel()
          .type("rb_node", 24)
          .member("rb_node", "rb_right", 8, 8)
          .member("rb_node", "rb_left", 16, 8)
          .word(ROOT, B)
          .word(B + 16, A)
          .word(A + 8, C);

  private RbTree tree(int most) throws IOException {
    return RbTree.of(kernel.objects(), ROOT, most);
  }

  @Test
  void nodesComeInOrder() throws IOException {
    assertEquals(new RbTree(List.of(A, C, B), Optional.empty()), tree(3));
    kernel.word(ROOT, 0);
    assertEquals(new RbTree(List.of(), Optional.empty()), tree(3));
  }

  @Test
  void whatIsBrokenEndsABranchOnly() throws IOException {
    kernel.word(C + 16, B).word(A + 16, 0x1234);
    RbTree broken = tree(10);
    assertEquals(List.of(A, C, B), broken.nodes());
    assertEquals(Optional.of("leads to 0x1244, where no RAM is"), broken.fault());
    kernel.word(A + 16, 0);
    assertEquals(Optional.of("comes back to 0x%x".formatted(B)), tree(10).fault());
  }

  @Test
  void endsAfterSoMany() throws IOException {
    assertEquals(Optional.of("has more than 2 nodes"), tree(2).fault());
  }
}
