/*
 * The only program of the guests: their init, linked statically, no shell beside it.
 *
 * Prints facts of the booted kernel once, then every half second one line, in one write:
 *
 *   FACT release 6.1.0-56-amd64
 *   FACT linux_banner 0xffffffff9e000140      kernel-virtual
 *   FACT kallsyms 92269 0x7c5de1a01b9b4d11   lines of /proc/kallsyms, and their FNV-1a hash of 64 bits
 *   FACT modules 12 0x14b2de6d63e05e5b        of /proc/modules likewise
 *   FACT log 288 0x1d2e9b3a62a19c05           and of the kernel's log so far, as syslog(2) has it
 *   FACT text 0x7a41080                       guest-physical: the string that the ticks print
 *   FACT text_virtual 0x4c7100                the same in this program
 *   FACT buffer 0x7f0e8c5f1000                in this program: memory that it has not touched yet
 *   FACT zero 0x7a52000                       guest-physical: a page this program wrote zeros to
 *   TICK 17 counter=1119 zero=00000000 e1000=52:54:00:12:34:56 text=the guest wrote this
 *
 * Reads commands of one byte from the console: d keeps dirtying memory, r makes the drivers of all network cards
 * start over, n prints "NAME " and the host's name and makes every card ask (ARP) for a neighbour.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define DIRTY_BYTES (24u << 20)

static char text[64] = "the guest wrote this";
static volatile uint64_t counter = 1000;
static volatile uint32_t *zero;

static void die(const char *what) {
  dprintf(1, "DIED %s: %s\n", what, strerror(errno));
  for (;;) {
    pause();
  }
}

/* Guest-physical address of a page of ours that is present and stays, or 0. */
static uint64_t physical(const volatile void *at) {
  uint64_t entry = 0;
  int map = open("/proc/self/pagemap", O_RDONLY);
  if (map < 0 || pread(map, &entry, 8, (off_t)((uintptr_t)at / PAGE * 8)) != 8) {
    die("pagemap");
  }
  close(map);
  return entry >> 63 ? (entry & ((1ull << 55) - 1)) * PAGE + (uintptr_t)at % PAGE : 0;
}

static int read_line(const char *path, char *line, size_t size) {
  int file = open(path, O_RDONLY);
  ssize_t got = file < 0 ? -1 : read(file, line, size - 1);
  if (file >= 0) {
    close(file);
  }
  if (got <= 0) {
    return -1;
  }
  line[got] = 0;
  line[strcspn(line, "\n")] = 0;
  return 0;
}

static void write_line(const char *path, const char *line) {
  int file = open(path, O_WRONLY);
  if (file < 0 || write(file, line, strlen(line)) < 0) {
    dprintf(1, "NOTE %s: %s\n", path, strerror(errno));
  }
  if (file >= 0) {
    close(file);
  }
}

/* The last name of what a link points to. */
static int link_name(const char *path, char *name) {
  char target[PATH_MAX];
  ssize_t got = readlink(path, target, sizeof target - 1);
  if (got <= 0) {
    return -1;
  }
  target[got] = 0;
  const char *last = strrchr(target, '/');
  snprintf(name, 64, "%s", last ? last + 1 : target);
  return 0;
}

/* "modules" of the initial RAM disk names them in an order in which each finds what it needs. */
static void load_modules(void) {
  char name[64], path[128];
  FILE *order = fopen("/modules/order", "r");
  if (!order) {
    return;
  }
  while (fscanf(order, "%63s", name) == 1) {
    snprintf(path, sizeof path, "/modules/%s.ko", name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0)) {
      dprintf(1, "NOTE module %s: %s\n", name, strerror(errno));
    }
    close(file);
  }
  fclose(order);
}

static int is_card(const struct dirent *entry) { return entry->d_name[0] != '.' && strcmp(entry->d_name, "lo") != 0; }

typedef void visit(const char *card, void *with);

static void each_card(visit *visitor, void *with) {
  struct dirent **cards;
  int count = scandir("/sys/class/net", &cards, is_card, alphasort);
  for (int i = 0; i < count; i++) {
    visitor(cards[i]->d_name, with);
    free(cards[i]);
  }
  if (count >= 0) {
    free(cards);
  }
}

static void bring_up(const char *card, void *with) {
  struct ifreq request = {0};
  int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
  (void)with;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", card);
  if (ioctl(socket_, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    if (ioctl(socket_, SIOCSIFFLAGS, &request)) {
      dprintf(1, "NOTE %s up: %s\n", card, strerror(errno));
    }
  }
  close(socket_);
}

/* A packet to a neighbour that nobody knows: the kernel asks for its address first, with the card's own. */
static void ask_neighbours(const char *card, void *with) {
  unsigned char *next = with;
  struct ifreq request = {0};
  struct sockaddr_in *own = (struct sockaddr_in *)&request.ifr_addr;
  int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", card);
  own->sin_family = AF_INET;
  own->sin_addr.s_addr = htonl(0x0a000002u + (*next << 16));
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  to.sin_addr.s_addr = htonl(0x0a000003u + (*next)++);
  if (ioctl(socket_, SIOCSIFADDR, &request) || setsockopt(socket_, SOL_SOCKET, SO_BINDTODEVICE, card, strlen(card) + 1) ||
      sendto(socket_, "", 1, 0, (void *)&to, sizeof to) < 0) {
    dprintf(1, "NOTE %s asks: %s\n", card, strerror(errno));
  }
  close(socket_);
}

static void start_over(const char *card, void *with) {
  char path[256], device[64], driver[64];
  (void)with;
  snprintf(path, sizeof path, "/sys/class/net/%s/device", card);
  if (link_name(path, device)) {
    return;
  }
  snprintf(path, sizeof path, "/sys/class/net/%s/device/driver", card);
  if (link_name(path, driver)) {
    return;
  }
  /* Not through the card's own folder: it goes away in between. */
  const char *bus = strncmp(device, "virtio", 6) == 0 ? "virtio" : "pci";
  snprintf(path, sizeof path, "/sys/bus/%s/drivers/%s/unbind", bus, driver);
  write_line(path, device);
  snprintf(path, sizeof path, "/sys/bus/%s/drivers/%s/bind", bus, driver);
  write_line(path, device);
}

static void add_address(const char *card, void *with) {
  char path[256], driver[64], address[64], *line = with;
  snprintf(path, sizeof path, "/sys/class/net/%s/device/driver", card);
  if (link_name(path, driver)) {
    return;
  }
  snprintf(path, sizeof path, "/sys/class/net/%s/address", card);
  if (read_line(path, address, sizeof address) == 0) {
    sprintf(line + strlen(line), "%s=%s ", driver, address);
  }
}

static void print_symbol(const char *wanted) {
  char line[512], name[256];
  unsigned long long at;
  FILE *symbols = fopen("/proc/kallsyms", "r");
  while (symbols && fgets(line, sizeof line, symbols)) {
    if (sscanf(line, "%llx %*c %255s", &at, name) == 2 && strcmp(name, wanted) == 0) {
      dprintf(1, "FACT %s 0x%llx\n", wanted, at);
      break;
    }
  }
  if (symbols) {
    fclose(symbols);
  }
}

/* One line of [bpf] in /proc/kallsyms; the program lives as long as this one. */
static void load_bpf(void) {
  struct bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr load = {
      .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
      .insns = (uintptr_t)program,
      .insn_cnt = 2,
      .license = (uintptr_t) "GPL",
      .prog_name = "nothing",
  };
  syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
}

struct digest {
  unsigned long long hash;
  unsigned lines;
};

static void add(struct digest *digest, const char *bytes, ssize_t count) {
  for (ssize_t i = 0; i < count; i++) {
    digest->hash = (digest->hash ^ (unsigned char)bytes[i]) * 0x100000001b3ull;
    digest->lines += bytes[i] == '\n';
  }
}

static void print_digest(const char *name, struct digest digest) {
  dprintf(1, "FACT %s %u 0x%llx\n", name, digest.lines, digest.hash);
}

/* All of a file: what is read out of the guest's memory is compared with that. */
static void print_file(const char *name, const char *path) {
  struct digest digest = {.hash = 0xcbf29ce484222325ull};
  char bytes[PAGE];
  ssize_t got;
  int file = open(path, O_RDONLY);
  while (file >= 0 && (got = read(file, bytes, sizeof bytes)) > 0) {
    add(&digest, bytes, got);
  }
  if (file >= 0) {
    close(file);
  }
  print_digest(name, digest);
}

static void print_log(void) {
  static char bytes[1u << 20];
  struct digest digest = {.hash = 0xcbf29ce484222325ull};
  add(&digest, bytes, klogctl(3 /* SYSLOG_ACTION_READ_ALL */, bytes, sizeof bytes));
  print_digest("log", digest);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Writes pages all over a big buffer for half a second. */
static void dirty(uint64_t *buffer) {
  static uint64_t random = 88172645463325252ull;
  for (double end = now() + 0.5; now() < end;) {
    for (int i = 0; i < 200; i++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      buffer[random % (DIRTY_BYTES / 8)] = random;
    }
  }
}

static void use_console(void) {
  int console = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
  struct termios raw;
  if (console < 0) {
    pause();
  }
  tcgetattr(console, &raw);
  cfmakeraw(&raw);
  tcsetattr(console, TCSANOW, &raw);
  dup2(console, 0);
  dup2(console, 1);
  dup2(console, 2);
  if (console > 2) {
    close(console);
  }
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  use_console();
  load_modules();
  each_card(bring_up, NULL);

  struct utsname system;
  uname(&system);
  dprintf(1, "FACT release %s\n", system.release);
  print_symbol("linux_banner");
  load_bpf();
  print_file("kallsyms", "/proc/kallsyms");
  print_file("modules", "/proc/modules");
  print_log();

  uint64_t *buffer = mmap(NULL, DIRTY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  zero = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer == MAP_FAILED || zero == MAP_FAILED) {
    die("mmap");
  }
  zero[0] = 1;
  zero[0] = 0;
  text[63] = 0;
  dprintf(1, "FACT text 0x%llx\n", (unsigned long long)physical(text));
  dprintf(1, "FACT text_virtual %p\nFACT buffer %p\n", (void *)text, (void *)buffer);
  dprintf(1, "FACT zero 0x%llx\n", (unsigned long long)physical(zero));

  int dirtying = 0;
  for (unsigned tick = 1;; tick++) {
    char line[512];
    counter += 7;
    sprintf(line, "TICK %u counter=%llu zero=%08x ", tick, (unsigned long long)counter, zero[0]);
    each_card(add_address, line);
    sprintf(line + strlen(line), "text=%s\n", text);
    if (write(1, line, strlen(line)) < 0) {
      pause();
    }
    if (dirtying) {
      dirty(buffer);
    }
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char command;
    if (poll(&input, 1, dirtying ? 0 : 500) == 1 && read(0, &command, 1) == 1) {
      dirtying |= command == 'd';
      if (command == 'r') {
        each_card(start_over, NULL);
        each_card(bring_up, NULL);
      }
      if (command == 'n') {
        unsigned char neighbour = 0;
        each_card(ask_neighbours, &neighbour);
        uname(&system);
        dprintf(1, "NAME %s\n", system.nodename);
      }
    }
  }
}
