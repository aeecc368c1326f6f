/* Runs a flat real-mode binary at 0x1000 until it halts and counts its port exits: what
 * 'vmstate run' does of it, with nothing in between. For exits.sh. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM (1 << 20)
#define CODE 0x1000

static void check(long result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: exits GUEST.bin\n");
    return 2;
  }
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  check(kvm, "/dev/kvm");
  int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  check(vm, "KVM_CREATE_VM");
  char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(ram == MAP_FAILED ? -1 : 0, "mmap");
  int file = open(argv[1], O_RDONLY);
  check(file, argv[1]);
  check(read(file, ram + CODE, RAM - CODE), argv[1]);
  struct kvm_userspace_memory_region region = {
      .memory_size = RAM, .userspace_addr = (unsigned long)ram};
  check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  check(vcpu, "KVM_CREATE_VCPU");
  long size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  check(size, "KVM_GET_VCPU_MMAP_SIZE");
  struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  check(run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
  struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[256];
  } cpuid = {.head.nent = 256};
  check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
  check(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");
  struct kvm_sregs sregs;
  check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = CODE, .rsp = CODE, .rflags = 2};
  check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
  long exits = 0;
  unsigned long sum = 0;
  for (;;) {
    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason == KVM_EXIT_HLT) {
      break;
    }
    if (run->exit_reason != KVM_EXIT_IO) {
      fprintf(stderr, "exit %u\n", run->exit_reason);
      return 1;
    }
    unsigned char *data = (unsigned char *)run + run->io.data_offset;
    if (run->io.direction == KVM_EXIT_IO_OUT) {
      sum += *data;
    } else {
      memset(data, 0xff, run->io.size * run->io.count);
    }
    exits++;
  }
  fprintf(stderr, "%ld exits, sum %lu\n", exits, sum);
  return 0;
}
