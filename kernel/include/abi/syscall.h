/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system calls. Number in rax; arguments in rdi, rsi, rdx, r10, r8, r9; back come an enum error
 * in rax and one result in rdx (unchanged meaning only if rax is OK). rcx and r11 are lost, as are
 * all caller-saved registers. Structures lie in the caller's memory: they are copied in once, then
 * checked.
 */
#ifndef ABI_SYSCALL_H
#define ABI_SYSCALL_H

#include <stdint.h>

#include <abi/device.h>
#include <abi/handle.h>

/*  name                 arguments -> result in rdx */
enum syscall {
	SYS_NULL, /* () nothing; what a system call costs */

	/* Handles */
	SYS_HANDLE_CLOSE,     /* (handle) */
	SYS_HANDLE_DUPLICATE, /* (handle, rights, badge) -> handle; badge 0 keeps the old one */
	SYS_HANDLE_REVOKE,    /* (handle) every other handle to the object dies */

	/* Processes and threads */
	SYS_PROCESS_SPAWN, /* (struct spawn *) -> process handle */
	SYS_PROCESS_KILL,  /* (process) */
	SYS_PROCESS_WATCH, /* (process, notification, bits) raised when the process ends */
	SYS_PROCESS_INFO,  /* (process or 0 for the caller, struct process_info *) */
	SYS_PROCESS_EXIT,  /* (code) */
	SYS_THREAD_CREATE, /* (entry, stack top, argument, priority) -> thread handle */
	SYS_THREAD_EXIT,   /* () */
	SYS_YIELD,         /* () */

	/* Memory */
	SYS_MEMORY_CREATE, /* (bytes, MEMORY_* flags) -> memory handle */
	SYS_MEMORY_MAP,    /* (memory, offset, bytes, RIGHT_READ | WRITE | EXECUTE) -> vaddr */
	SYS_MEMORY_UNMAP,  /* (vaddr, bytes) */

	/* IPC */
	SYS_ENDPOINT_CREATE, /* () -> endpoint handle */
	SYS_CALL,            /* (endpoint, struct message in registers): see abi/message.h */
	SYS_RECEIVE, /* (endpoint, notification or 0, deadline ns or 0): see abi/message.h */
	SYS_REPLY,   /* (struct message in registers) to the caller its token names */
	SYS_NOTIFICATION_CREATE, /* () -> notification handle */
	SYS_SIGNAL,              /* (notification, bits) */
	SYS_WAIT,         /* (notification, deadline ns: 0 never, 1 do not wait) -> bits, cleared */
	SYS_TIMER_CREATE, /* (notification, bits) -> timer handle */
	SYS_TIMER_SET,    /* (timer, deadline ns, 0 disarms) */
	SYS_SLEEP_UNTIL,  /* (deadline ns) */

	/* Log, time, system; need the registry handle where they say so */
	SYS_LOG_WRITE,    /* (level, text, bytes) one line; ERR_BUDGET: too many, it is dropped */
	SYS_LOG_READ,     /* (registry, sequence, struct log_record *) the first record at or after
			     sequence */
	SYS_DEBUG_WRITE,  /* (registry, text, bytes) raw to the debug console port 0xe9, where there
			     is one */
	SYS_TIME_NOW,     /* () -> ns since boot */
	SYS_SYSTEM_INFO,  /* (struct system_info *) */
	SYS_PROCESS_LIST, /* (registry, pid, struct process_info *) the first process with at least
			     this pid */
	SYS_POWER,        /* (registry, enum power_action, code) */
	SYS_TEST_EXIT, /* (registry, code) QEMU's isa-debug-exit: status (code << 1) | 1; else power
			  off */

	/* The registry: the device manager's calls. Devices are named by id. */
	SYS_DEVICE_LIST, /* (registry, id, struct device_info *) the first device with at least this
			    id */
	SYS_DEVICE_UNIT, /* (registry, id, unit, struct unit_info *) the first unit with at least
			    this number */
	SYS_DEVICE_WATCH, /* (registry, notification, bits) raised when SYS_DEVICE_EVENT has news */
	SYS_DEVICE_EVENT, /* (registry, struct device_event *) ERR_AGAIN: no news */
	SYS_DEVICE_OPEN,  /* (registry, id, rights, badge) -> device grant handle */
	SYS_DEVICE_START, /* (registry, id, driver name[DRIVER_NAME_BYTES] *) start a ring-0
			     instance */
	SYS_DEVICE_CONTROL, /* (registry, id, enum device_control) */
	SYS_DRIVER_LIST,    /* (registry, index, struct driver_info *) drivers of the kernel image,
			       placements */

	/* The instance: what the ring-3 half of the shim stands on. All take a grant with
	   RIGHT_INSTANCE. */
	SYS_INSTANCE_ATTACH,  /* (grant, notification, struct instance_attach *) */
	SYS_INSTANCE_REPORT,  /* (grant, enum instance_state, enum error; LIVE after ADOPT: requests
				 that it took over in flight) */
	SYS_INSTANCE_CONTROL, /* (grant) -> enum device_control, cleared */
	SYS_WINDOW_MAP, /* (grant, index) -> vaddr of an MMIO window; ports become reachable */
	SYS_INTERRUPT_ENABLE, /* (grant, wanted, enum interrupt_kind at most) -> vectors granted,
				 enum interrupt_kind << 16 */
	SYS_INTERRUPT_WAIT, /* (signals to acknowledge, session id or 0, deadline ns) -> bits: by an
			       instance: acknowledge the lines behind these SIGNAL_INTERRUPT bits
			       (others count for nothing), wake the session's client, see that
			       SIGNAL_TIMER is raised at the deadline, then wait for signals */
	SYS_DMA_ALLOCATE,   /* (grant, index, bytes, struct dma_info *) zero-filled, contiguous;
			       existing: returned */
	SYS_CONFIG_READ,  /* (grant, pci address packed or ~0 for itself, offset, width) -> value */
	SYS_CONFIG_WRITE, /* (grant, pci address packed or ~0, offset, width, value) filtered by
			     register kind */
	SYS_BAR_SIZE,     /* (bus grant, pci address packed, bar, struct device_window *) */
	SYS_BAR_ASSIGN,   /* (bus grant, pci address packed, bar, base) */
	SYS_CHILD_ADD,    /* (bus grant, pci address packed) -> device id */
	SYS_CHILD_REMOVE, /* (bus grant, pci address packed) */
	SYS_UNIT_ADD,     /* (grant, struct unit_info *) */
	SYS_UNIT_REMOVE,  /* (grant, unit) */
	SYS_SESSION_NEXT, /* (grant, session id, struct session_view *) map the first session with
			     at least this id */
	SYS_SESSION_DETACH, /* (grant, session id) the instance no longer touches it */
	SYS_SESSION_WAKE,   /* (grant, session id) wake its client */

	/* The client's side of a session */
	SYS_SESSION_CREATE, /* (grant with RIGHT_OPEN, struct session_create *) -> session handle;
			       maps the areas */
	SYS_SESSION_KICK,   /* (session) doorbell */
	SYS_SESSION_KICK_WAIT, /* (session, deadline ns) -> bits: doorbell, then SYS_WAIT for the
				  session's notification */

	SYS_DEVICE_MOVE, /* (registry, id, enum placement) hot: to the kernel, or to the standby */
	SYS_INSTANCE_ADOPT, /* (grant, struct instance_attach *) the standby takes the device over
			     */
	SYS_UNIT_NEXT, /* (grant, unit, struct unit_info *) for an adopter: as SYS_DEVICE_UNIT */
	SYS_REPLY_RECEIVE, /* (endpoint, a message in registers; r14 notification or 0) */
	SYS_DMA_ENABLE,    /* (grant) the device may master the bus: it has been reset */

	SYS_PROCESS_OPEN, /* (registry with RIGHT_MANAGE, pid) -> process handle: the shell's kill
			   */

	SYSCALL_COUNT
};

#define DEADLINE_NEVER 0u
#define DEADLINE_NOW   1u

/* Memory flags */
#define MEMORY_CONTIGUOUS 1u /* physically; implies committed */
#define MEMORY_COMMITTED  2u /* all pages now, not at first touch */

/* Startup: what a new process finds. rdi points to it; the stack lies below. */
enum startup_role {
	STARTUP_REGISTRY = 1, /* registry handle */
	STARTUP_ARCHIVE,      /* memory: the initial archive, read-only */
	STARTUP_MANAGER,      /* endpoint of the device manager */
	STARTUP_GRANT,        /* device grant, for a driver */
	STARTUP_PARENT,       /* endpoint or notification of whoever spawned it */
	STARTUP_SELF,         /* its own process handle */
	STARTUP_USER = 16     /* from here on: the program's own */
};

#define STARTUP_HANDLES_MAX 16
#define STARTUP_ARGS_BYTES  1024
#define PROCESS_NAME_BYTES  32

struct startup_handle {
	uint32_t role;
	handle_t handle;
};

struct startup {
	uint32_t version; /* 1 */
	uint32_t pid;
	uint32_t handle_count;
	uint32_t args_bytes; /* with the last zero; words separated by zeros */
	struct startup_handle handle[STARTUP_HANDLES_MAX];
	uint64_t tsc_mult; /* ns since boot = (rdtsc - tsc_base) * tsc_mult >> 32 */
	uint64_t tsc_base;
	uint64_t archive_bytes;
	char args[STARTUP_ARGS_BYTES];
};

struct spawn {
	char name[PROCESS_NAME_BYTES];
	handle_t image;    /* memory that holds the ELF file */
	uint32_t priority; /* 1 .. 31, at most the spawner's own */
	uint64_t image_offset;
	uint64_t image_bytes;
	uint64_t budget_pages;   /* taken out of the spawner's; 0: a default */
	uint64_t budget_objects; /* likewise */
	uint32_t handle_count;
	uint32_t args_bytes;
	struct startup_handle handle[STARTUP_HANDLES_MAX]; /* copied into the child's table */
	char args[STARTUP_ARGS_BYTES];
};

struct process_info {
	uint32_t pid;
	uint32_t parent_pid;
	char name[PROCESS_NAME_BYTES];
	uint32_t thread_count;
	uint32_t exited; /* 1: ended, exit_code holds */
	int64_t exit_code;
	uint64_t pages_used, pages_limit;
	uint64_t objects_used, objects_limit;
	uint64_t cpu_time_ns;
	uint64_t switches;
};

struct system_info {
	uint64_t memory_bytes;      /* all usable RAM */
	uint64_t memory_free_bytes; /* of it */
	uint64_t kernel_code_bytes;
	uint64_t kernel_data_bytes;
	uint64_t heap_bytes; /* kernel objects */
	uint32_t cpu_count;
	uint32_t process_count;
	uint32_t thread_count;
	uint32_t object_count;
	uint64_t uptime_ns;
	uint64_t tsc_hz;
	uint64_t switches; /* address-space switches */
	char cmdline[512];
	char version[64];
	char configuration[32]; /* CONFIG_NAME of the build */
};

struct driver_info {
	char name[DRIVER_NAME_BYTES];
	uint8_t in_kernel_image;   /* ring 0 carries its code */
	uint8_t placement;         /* in force: enum placement, after the command line */
	uint8_t placement_default; /* of the configuration */
	uint8_t class_id;
	uint32_t reserved;
};

enum power_action { POWER_OFF, POWER_REBOOT };

/* What an instance gets to know when it attaches. */
struct instance_attach {
	uint32_t state_base_bytes, state_queue_bytes, state_queues; /* in: as the driver declares */
	uint32_t state_version;                                     /* in */
	uint32_t class_id;                                          /* in */
	uint32_t timer_count;                                       /* in */
	uint32_t port_bytes;            /* in: class state that outlives the instance */
	uint32_t standby;               /* out: 1, another instance is live: wait for CONTROL_ADOPT,
					   then SYS_INSTANCE_ADOPT; what follows is not filled */
	char driver[DRIVER_NAME_BYTES]; /* in */
	uint64_t state_vaddr; /* out: the state block, zero-filled when new: the base, then from the
				 next multiple of 64 bytes on the queue slices */
	uint64_t port_vaddr;  /* out: the class state, zero-filled when new */
	uint64_t timers_vaddr; /* out: uint64_t deadline_ns[timer_count], 0: not armed; an adopter
				  finds its predecessor's */
	uint32_t window_mask;  /* adopted: windows that were mapped */
	uint32_t buffer_count; /* adopted: DMA buffers are below this index */
	uint32_t vector_count; /* adopted: interrupt vectors that are enabled */
	uint32_t reserved;
	struct device_info info; /* out */
};

struct dma_info {
	uint64_t vaddr;
	uint64_t iova;
	uint64_t size_bytes;
};

/* One session, mapped for the instance. */
struct session_view {
	uint32_t id;
	uint32_t unit;
	uint32_t queue;
	uint32_t closing; /* 1: the client is gone; detach when drained */
	uint64_t info_vaddr, client_vaddr, server_vaddr;
	uint64_t pool_vaddr; /* 0: not visible to this class */
	uint64_t pool_iova;
};

struct session_create {
	uint32_t slot_count;               /* in: power of two */
	uint32_t pool_bytes;               /* in: up to SESSION_POOL_MAX */
	handle_t notification;             /* in: raised on completion */
	uint32_t queue;                    /* in: of the unit's queues, from 0 */
	uint64_t notification_bits;        /* in */
	uint64_t range_start, range_count; /* in, block: 0, 0 is the whole unit */
	uint64_t info_vaddr, client_vaddr, server_vaddr, pool_vaddr; /* out */
};

/** Pack a PCI address for a register: segment, bus, device, function. */
static inline uint64_t pci_address_pack(struct pci_address address)
{
	return (uint64_t)address.segment << 16 | (uint64_t)address.bus << 8 |
	       (uint64_t)(address.device & 31) << 3 | (address.function & 7);
}
#define PCI_ADDRESS_SELF (~(uint64_t)0)

#endif
