/*
 * The yardstick of the runner's exit rate: runs a flat real-mode guest at 0x1000 of 64 KiB until it
 * halts, with N in rcx, and answers its exits with nothing. Prints exits and nanoseconds.
 *
 *   cc -O2 -o exits exits.c && ./exits exits.bin 1000000
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int check(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

int main(int count, char **words) {
  if (count != 3) {
    fprintf(stderr, "usage: exits GUEST N\n");
    return 2;
  }
  int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
  int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  char *ram = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int guest = check(open(words[1], O_RDONLY), words[1]);
  check(read(guest, ram + 0x1000, 0xf000), "read");
  struct kvm_userspace_memory_region region = {
      .memory_size = 0x10000, .userspace_addr = (unsigned long)ram};
  check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int cpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  int size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
  volatile struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  struct kvm_sregs sregs;
  check(ioctl(cpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  check(ioctl(cpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = 0x1000, .rflags = 2, .rcx = strtoull(words[2], NULL, 0)};
  check(ioctl(cpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

  struct timespec from, to;
  long exits = 0;
  clock_gettime(CLOCK_MONOTONIC, &from);
  do {
    check(ioctl(cpu, KVM_RUN, 0), "KVM_RUN");
    exits++;
  } while (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO);
  clock_gettime(CLOCK_MONOTONIC, &to);
  if (run->exit_reason != KVM_EXIT_HLT) {
    fprintf(stderr, "exit reason %u\n", run->exit_reason);
    return 1;
  }
  printf("%ld %ld\n", exits, (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec);
  return 0;
}
