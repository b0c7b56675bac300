/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes (address space, handles, budget) and threads (a flow of control).
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <abi/message.h>
#include <abi/syscall.h>
#include <kernel/cpu.h>
#include <kernel/log.h>
#include <kernel/mm.h>
#include <kernel/object.h>
#include <kernel/timer.h>
#include <kernel/trap.h>

struct notification;
struct endpoint;
struct device;

struct account {
	uint64_t pages_used, pages_limit;
	uint64_t objects_used, objects_limit;
};

struct process {
	struct object object;
	uint32_t pid;
	uint32_t parent_pid;
	char name[PROCESS_NAME_BYTES];
	struct list link; /* all processes */
	struct list threads;
	uint32_t thread_count;
	bool dying, exited;
	int64_t exit_code;
	struct account account;
	struct process *budget_from; /* got its budget; referenced */
	struct space space;
	struct handle_table handles;
	struct port_range *ports;
	uint32_t port_count;
	uint64_t port_version;
	struct device *instance_of; /* drives this device, or NULL; referenced */
	struct notification *watcher;
	uint64_t watcher_bits;
	struct memory *image; /* its ELF file, for symbols */
	uint64_t image_offset, image_bytes;
	uint64_t cpu_tsc; /* time-stamp counts that its threads ran, less the count at which each of
			     those that run now began: see process_info() */
	struct log_share log;
	struct ktask reaper;
};

enum thread_state {
	THREAD_READY,     /* in a ready queue */
	THREAD_RUNNING,   /* on a CPU */
	THREAD_SENDING,   /* queued at an endpoint */
	THREAD_CALLING,   /* received, waits for the reply */
	THREAD_WAITING,   /* for a message, signal or time */
	THREAD_LISTENING, /* for a notification alone and without a deadline: whoever raises it may
			     hand the CPU over at once */
	THREAD_DEAD
};

struct thread {
	struct object object;
	struct trap_frame frame __attribute__((aligned(16))); /* user registers; entry.S */
	uint8_t full_frame; /* 1: came by interrupt, all registers count; 0 in ring 3; entry.S */
	uint8_t state;
	uint8_t priority;
	bool dying;
	bool called_in; /* ended while a CPU ran it: counts for SCHED_ENDING */
	uint32_t id;    /* index into the thread table */
	uint64_t token; /* of its latest call: a count above its id */
	struct process *process;
	struct list process_link;
	struct list queue_link;            /* ready queue, or endpoint queue */
	struct list *queue;                /* which one, NULL: none */
	struct endpoint *endpoint;         /* sending to or receiving on; its destruction wakes */
	struct notification *notification; /* waiting for; its destruction wakes */
	struct process *server;            /* calling: who owes the reply */
	uint64_t badge;                    /* sending: of the handle used */
	uint64_t deadline_ns;              /* waiting: until when; 0: for ever */
	struct ktimer timer;
};

enum error process_create(struct process *parent, const char *name, uint64_t pages,
			  uint64_t objects, struct process **process);
/** Start a process from an ELF file in memory. `parent` NULL: the kernel starts the manager. */
enum error process_spawn(struct process *parent, const struct spawn *spawn, struct memory *image,
			 struct process **process);
/** Is a thread of it on a CPU? */
bool process_runs(const struct process *process);
void process_exit(struct process *process, int64_t code);
void process_info(struct process *process, struct process_info *info);
/** The first process with at least this pid; NULL: none. */
struct process *process_next(uint32_t pid);
uint32_t process_count(void);
/** How often CPUs have changed to another address space. */
uint64_t process_switches(void);
uint32_t thread_total(void);
void process_destroy(struct object *object);
void thread_destroy(struct object *object);
/** A user thread that did what it must not: report it, and end its process. */
void process_fault(struct thread *thread, const char *what);
/** For a panic: where in its program the current thread of this CPU is, if there is one. */
void thread_report_current(void);

enum error thread_create(struct process *process, vaddr_t entry, vaddr_t stack_top,
			 uint64_t argument, unsigned priority, struct thread **thread);
extern struct thread **thread_table;
extern uint32_t thread_capacity;
/** The thread that a number names; NULL: none. */
static inline struct thread *thread_by_id(uint32_t id)
{
	return id < thread_capacity ? thread_table[id] : NULL;
}
/** The first thread at or after *id, which is set to its id; NULL: none. */
struct thread *thread_next(uint32_t *id);
/** The CPU that runs it; NULL: none. */
struct cpu *thread_cpu(const struct thread *thread);
/** A thread that another CPU runs was marked as dying: call it in. Until it has left, nobody hands
 * a CPU on directly, since a dying thread must go through schedule(). */
void thread_call_in(struct thread *thread);
/** A dying thread has left its CPU or never was on one: take it apart. */
void thread_finish(struct thread *thread);

/** Charge pages or objects; ERR_BUDGET. NULL is the kernel, which pays for nothing. */
enum error account_charge_pages(struct process *process, uint64_t pages);
void account_release_pages(struct process *process, uint64_t pages);
enum error account_charge_object(struct process *process);
void account_release_object(struct process *process);
/** Heap memory that grows with what a process does; what is large enough to take frames of its own
 * is charged as pages.
 *
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 */
enum error account_allocate(struct process *process, size_t size_bytes, void **pointer);
void account_free(struct process *process, void *pointer, size_t size_bytes);

/** May so many lines be written to the log because of what a process does? Lines that may not are
 * counted, and told of with the next that may, or by its parent. NULL, and the device manager,
 * which nobody pays for: always. */
bool process_may_log(struct process *process, unsigned lines);

/** Look a handle up: right type (OBJECT_NONE: any) and all of `rights`. The table keeps its
 * reference.
 */
static inline enum error handle_lookup(struct process *process, handle_t handle,
				       enum object_type type, uint32_t rights,
				       struct handle_entry **result)
{
	struct handle_entry *entry = &process->handles.entry[handle & process->handles.mask];

	if (__builtin_expect(entry->handle != handle, 0) ||
	    entry->object_generation != entry->object->generation)
		return ERR_HANDLE;
	if (type != OBJECT_NONE && entry->object->type != type)
		return ERR_TYPE;
	if (~entry->rights & rights)
		return ERR_DENIED;
	*result = entry;
	return OK;
}

/** The same, straight to the object. */
static inline enum error handle_object(struct process *process, handle_t handle,
				       enum object_type type, uint32_t rights, void *object)
{
	struct handle_entry *entry;
	enum error error = handle_lookup(process, handle, type, rights, &entry);

	if (!error)
		*(struct object **)object = entry->object;
	return error;
}

/** Start the device manager from the initial archive. */
void process_start_manager(void);

#endif
