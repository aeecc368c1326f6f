package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.BtfKind;
import java.util.Optional;

/**
 * Types of variables that BTF leaves out: it has those of each CPU alone, unless pahole was run
 * with {@code --btf_features=global_var}. These are what crash, drgn's helpers and the kernel's own
 * scripts/gdb ask for, as the kernel's sources declare them; a name whose type changed between 4.6
 * and 7.x is here only with the form that its size tells, and each is used only when the kernel has
 * both the symbol and the type.
 */
final class KnownVariables {
  private static final String TABLE =
      """
      struct task_struct init_task
      struct mm_struct init_mm
      struct uts_namespace init_uts_ns
      struct pid_namespace init_pid_ns
      struct user_namespace init_user_ns
      struct ipc_namespace init_ipc_ns
      struct cgroup_namespace init_cgroup_ns
      struct time_namespace init_time_ns
      struct net init_net
      struct nsproxy init_nsproxy
      struct cred init_cred
      struct files_struct init_files
      struct fs_struct init_fs
      struct css_set init_css_set
      struct pid init_struct_pid
      struct task_group root_task_group
      struct root_domain def_root_domain
      struct list_head modules
      struct list_head slab_caches
      struct list_head super_blocks
      struct list_head net_namespace_list
      struct list_head crypto_alg_list
      struct list_head tty_drivers
      struct list_head input_dev_list
      struct list_head input_handler_list
      struct list_head vmap_area_list
      struct list_head workqueues
      struct list_head formats
      struct list_head cgroup_roots
      struct list_head pci_root_buses
      struct list_head misc_list
      struct list_head dpm_list
      struct list_head btf_modules
      struct list_head clocksource_list
      struct list_head clockevent_devices
      struct list_head task_groups
      struct list_head hugetlb_page_flags
      struct list_head block_class_list
      struct file_system_type * file_systems
      struct vm_struct * vmlist
      struct kset * module_kset
      struct kset * devices_kset
      struct kset * bus_kset
      struct kset * class_kset
      struct kobject * block_depr
      struct kmem_cache * kmem_cache
      struct kmem_cache * task_struct_cachep
      struct kmem_cache * names_cachep
      struct hlist_head * mount_hashtable
      struct hlist_bl_head * dentry_hashtable
      struct hlist_head * inode_hashtable
      struct cgroup_root cgrp_dfl_root
      struct rcu_state rcu_state
      struct printk_ringbuffer * prb
      struct printk_ringbuffer printk_rb_static
      struct resource iomem_resource
      struct resource ioport_resource
      struct resource crashk_res
      struct resource crashk_low_res
      struct radix_tree_root irq_desc_tree
      struct xarray irq_desc_tree
      struct maple_tree sparse_irqs
      struct inet_hashinfo tcp_hashinfo
      struct udp_table udp_table
      struct cpuinfo_x86 boot_cpu_data
      struct memblock memblock
      struct efi efi
      struct e820_table * e820_table
      struct boot_params boot_params
      struct acpi_table_fadt acpi_gbl_FADT
      struct clocksource * curr_clocksource
      struct clocksource clocksource_tsc
      struct console * console_drivers
      struct hlist_head console_list
      struct pglist_data contig_page_data
      struct pglist_data * [] node_data
      struct swap_info_struct * [] swap_info
      struct cgroup_subsys * [] cgroup_subsys
      struct char_device_struct * [] chrdevs
      struct cpumask __cpu_online_mask
      struct cpumask __cpu_possible_mask
      struct cpumask __cpu_present_mask
      struct cpumask __cpu_active_mask
      struct atomic_notifier_head panic_notifier_list
      struct class block_class
      struct module_layout mod_tree
      enum system_states system_state
      pgd_t [] init_top_pgt
      pgd_t [] swapper_pg_dir
      gate_desc [] idt_table
      sys_call_ptr_t [] sys_call_table
      atomic_long_t [] vm_zone_stat
      atomic_long_t [] vm_node_stat
      atomic_long_t _totalram_pages
      nodemask_t [] node_states
      unsigned char [] mt_slots
      unsigned char [] mt_pivots
      char [] linux_banner
      char [] linux_proc_banner
      char [] boot_command_line
      char [] __log_buf
      char * saved_command_line
      char * log_buf
      unsigned char * vmcoreinfo_data
      size_t vmcoreinfo_size
      unsigned int log_buf_len
      unsigned int nr_cpu_ids
      unsigned int nr_swapfiles
      unsigned int __nr_cpu_ids
      unsigned long jiffies
      u64 jiffies_64
      unsigned long [] __per_cpu_offset
      unsigned long max_pfn
      unsigned long max_low_pfn
      unsigned long min_low_pfn
      unsigned long phys_base
      unsigned long page_offset_base
      unsigned long vmalloc_base
      unsigned long vmemmap_base
      unsigned long tainted_mask
      unsigned long total_forks
      unsigned long totalreserve_pages
      unsigned long loops_per_jiffy
      unsigned long __FIXADDR_TOP
      unsigned int tsc_khz
      unsigned int cpu_khz
      unsigned int __pgtable_l5_enabled
      unsigned int pgdir_shift
      unsigned int ptrs_per_p4d
      int nr_threads
      int max_threads
      int oops_in_progress
      int panic_timeout
      atomic_t panic_cpu
      u64 sme_me_mask
      void * high_memory
      """;

  /**
   * Since 4.15 with CONFIG_SPARSEMEM_EXTREME a pointer to pointers, else an array; the pointer has
   * no room for more than itself.
   */
  private static final String MEM_SECTION = "struct mem_section * * mem_section";

  private static final int MOST_POINTER_ROOM = 64;

  private KnownVariables() {}

  /**
   * What a line of the table says.
   *
   * @param type its number
   * @param array whether it is an array; its length follows from the symbol's size
   */
  record Known(String name, int type, int pointers, boolean array) {}

  /** Calls {@code use} with every variable of the table whose type {@code btf} has. */
  static void forEach(Btf btf, java.util.function.Consumer<Known> use) {
    for (String line : TABLE.lines().toList()) {
      parse(btf, line).ifPresent(use);
    }
  }

  /** {@code mem_section}, when its symbol has the room of one pointer. */
  static Optional<Known> memSection(Btf btf, long room) {
    return room <= MOST_POINTER_ROOM ? parse(btf, MEM_SECTION) : Optional.empty();
  }

  private static Optional<Known> parse(Btf btf, String line) {
    int name = line.lastIndexOf(' ');
    String type = line.substring(0, name);
    boolean array = type.endsWith(" []");
    type = array ? type.substring(0, type.length() - 3) : type;
    int pointers = 0;
    while (type.endsWith(" *")) {
      type = type.substring(0, type.length() - 2);
      pointers++;
    }
    Optional<Integer> id = find(btf, type);
    String variable = line.substring(name + 1);
    int depth = pointers;
    return id.map(number -> new Known(variable, number, depth, array));
  }

  private static Optional<Integer> find(Btf btf, String type) {
    if (type.equals("void")) {
      return Optional.of(0);
    }
    if (type.startsWith("struct ")) {
      return btf.find(type.substring(7), BtfKind.STRUCT);
    }
    if (type.startsWith("enum ")) {
      return btf.find(type.substring(5), BtfKind.ENUM, BtfKind.ENUM64);
    }
    Optional<Integer> id = btf.find(type, BtfKind.TYPEDEF, BtfKind.INT);
    // gcc says "long unsigned int" where clang says "unsigned long".
    return id.isEmpty() && type.equals("unsigned long")
        ? btf.find("long unsigned int", BtfKind.INT)
        : id;
  }
}
