/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry: devices, their grants, units and instances. A grant belongs to the device and
 * outlives every instance; both rings see the same windows, bus addresses, state and signals. Under
 * the kernel lock.
 */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <abi/device.h>
#include <abi/space.h>
#include <abi/syscall.h>
#include <kernel/interrupt.h>
#include <kernel/ipc.h>
#include <kernel/mm.h>
#include <kernel/object.h>

struct kernel_instance;
struct domain;
struct shim_driver;

#define DEVICE_DMA_BYTES_MAX (16ul << 20) /* of one device */
#define DEVICE_BUFFERS_MAX   256u

struct unit {
	struct list link;
	struct unit_info info;
};

struct device {
	struct object object;
	struct device_info info;
	struct list link;       /* all devices, by id */
	struct list child_link; /* unused devices: itself */
	struct device *parent;  /* NULL: the root */
	uint32_t events;        /* EVENT_*, not seen by the manager */
	bool gone;
	bool is_console;  /* COM1: the early console uses it while there is no instance */
	bool is_pci_host; /* its instance may use configuration space */
	bool has_line;
	uint32_t line_gsi;
	unsigned line_flags; /* IOAPIC_* */

	/* Grant */
	struct domain *domain;
	struct interrupt interrupt[DEVICE_INTERRUPT_MAX];
	void __iomem *msix_table; /* mapped while MSI-X is on */
	uint64_t msix_bytes;
	struct memory *buffer[DEVICE_BUFFERS_MAX]; /* DMA, by index */
	uint32_t buffer_count;                     /* above the last of them */
	uint64_t dma_bytes;
	struct memory *state;          /* base, queue slices, timer deadlines */
	struct instance_attach layout; /* what the state block was made for */
	struct memory *port;           /* class state that outlives the instance */
	uint32_t window_mask;          /* mapped by the instance */
	struct list units;
	struct list sessions;

	/* Instance: in the kernel, or a process */
	struct kernel_instance *kernel;
	struct process *process;     /* referenced */
	struct notification *signal; /* referenced */
	struct ktimer timer;         /* raises SIGNAL_TIMER at a ring-3 instance */
	uint64_t deadline_ns;        /* as that instance asked for; 0: never */
	uint32_t control;            /* enum device_control, not read yet */
	bool on_record; /* the instance broke the protocol: it is never moved into ring 0 hot */

	/* A hot move on its way */
	uint8_t moving;    /* enum placement: where to; OFF: none */
	bool switched;     /* the new instance has the device */
	bool freeze_asked; /* and the instance has not answered */
	struct kernel_instance *next_kernel;
	struct process *standby;             /* referenced */
	bool standby_ready;                  /* it has said so */
	struct notification *standby_signal; /* referenced */
	struct ktimer move_timer;
	uint8_t ring_before;     /* enum placement of the last instance that was live */
	uint64_t pause_since_ns; /* clients wait since then; 0: they do not */
};

/* Registry */
/** Find the platform's devices, and bind what ring 0 drives. Context: boot. */
void device_init(void);
void device_bind_kernel(void);
/** Device by id; NULL: none. The first with at least this id. */
struct device *device_find(uint32_t id);
struct device *device_next(uint32_t id);
struct device *device_create(struct device *parent, enum device_bus bus, const char *name);
/** The device is no longer there, or about to go: its instance stops, clients get ERR_GONE. The
 * manager hears of it when the instance has ended. */
void device_remove(struct device *device);
void device_event(struct device *device, uint32_t events);
enum error device_event_next(struct device_event *event);
void device_watch(struct notification *notification, uint64_t bits);
void device_destroy(struct object *object);
/** Who pays for what grants hold: the device manager, once there is one. */
struct process *registry_account(void);
enum error registry_give(struct process *process, struct startup *startup);
void registry_archive_set(struct memory *archive);

/* Instances */
void kernel_instance_post(struct kernel_instance *instance, uint64_t bits);
void kernel_instance_interrupt(struct kernel_instance *instance, unsigned index);
void kernel_instance_doorbell(struct kernel_instance *instance, unsigned queue);
/** Raise SIGNAL_* bits at the instance, whichever ring it is in. */
static inline void device_signal(struct device *device, uint64_t bits)
{
	if (device->kernel)
		kernel_instance_post(device->kernel, bits);
	else if (device->signal)
		notification_signal(device->signal, bits);
}

/** A vector of the device fired. A line is acknowledged by who serves it. */
static inline void device_interrupt(struct device *device, const struct interrupt *interrupt)
{
	device->info.interrupt_count++;
	if (device->kernel && interrupt->is_line)
		kernel_instance_post(device->kernel, interrupt->signal);
	else if (device->kernel)
		kernel_instance_interrupt(device->kernel, interrupt->index);
	else if (device->signal)
		notification_signal(device->signal, interrupt->signal);
}

/** Requests wait on a queue. */
static inline void device_doorbell(struct device *device, unsigned queue)
{
	if (device->kernel)
		kernel_instance_doorbell(device->kernel, queue);
	else if (device->signal)
		notification_signal(device->signal, 1ul << SIGNAL_QUEUE(queue));
}

/** Raise SIGNAL_TIMER at the ring-3 instance at this time; 0: never. */
void device_deadline_set(struct device *device, uint64_t deadline_ns);
/** Start a ring-0 instance. ERR_DENIED: rule 5, the parent's instance is a process. */
enum error device_start_kernel(struct device *device, const char *driver);
enum error device_attach_process(struct device *device, struct process *process,
				 struct notification *notification, struct instance_attach *attach);
enum error device_control(struct device *device, enum device_control control);
/** What an instance says of itself; ends it unless it is live, stopping or frozen. One that went
 * live after a hot move says in `error` how many requests it took over. */
enum error device_report(struct device *device, enum instance_state state, enum error error);
/** Its instance is gone without having quiesced, or could not take over. */
void device_died(struct device *device, enum error error);
void device_process_died(struct device *device, struct process *process);
/** The state block and the class state of the grant, made at first use, zeroed for a fresh
 * instance. */
enum error device_state(struct device *device, const struct instance_attach *attach);
/** Is the state block laid out as this instance needs it? */
bool device_state_fits(const struct device *device, const struct instance_attach *attach);
/** Map both into a process; says where in *attach. */
enum error device_state_map(struct device *device, struct process *process,
			    struct instance_attach *attach);
/** Offsets in the state block. */
static inline uint64_t state_queues_offset(const struct instance_attach *layout)
{
	return ((uint64_t)layout->state_base_bytes + 63) & ~63ul;
}
static inline uint64_t state_timers_offset(const struct instance_attach *layout)
{
	return (state_queues_offset(layout) +
		(uint64_t)layout->state_queue_bytes * layout->state_queues + 63) &
	       ~63ul;
}
/** Unmap everything from the ring-3 instance and take the device from it. */
void device_process_part(struct device *device);
/** End the instance: quarantine, and everything it had is taken away. */
void device_end(struct device *device);

/* Hot moves: kernel/device/move.c */
/** Begin a hot move. ERR_UNSUPPORTED: the driver cannot; ERR_DENIED: rule 5, or the instance has a
 * record; ERR_AGAIN: nobody stands by; ERR_BUSY: not live, or moving already. */
enum error device_move(struct device *device, enum placement target);
enum error device_standby(struct device *device, struct process *process,
			  struct notification *notification, struct instance_attach *attach);
/** The standby is ready to take over. */
enum error device_standby_ready(struct device *device);
/** The old instance has frozen. */
enum error device_frozen(struct device *device);
/** The standby takes over. */
enum error device_adopt(struct device *device, struct instance_attach *attach);
/** The new instance serves. */
void device_moved(struct device *device);
/** Whatever move is on its way is over; the standby is let go. */
void device_move_cancel(struct device *device);
void device_standby_died(struct device *device);

/* Grant */
/** Map into the grant area of a process, all pages at once. The instance reaches that area; one
 * that stands by does so from the switch on. */
enum error grant_map(struct process *process, struct memory *memory, unsigned rights,
		     vaddr_t *vaddr);
/** Close the grant area, and unmap what is in it. */
void grant_revoke(struct process *process);
/** Map a window into the instance, or into the standby what the instance has. */
enum error device_window_map(struct device *device, struct process *process, unsigned index,
			     vaddr_t *vaddr);
/** Open the ports of its windows to the instance that took over. */
enum error device_ports_allow(struct device *device);
enum error device_dma(struct device *device, unsigned index, uint64_t size_bytes,
		      struct memory **memory, uint64_t *iova);
enum error device_interrupt_enable(struct device *device, unsigned wanted, enum interrupt_kind most,
				   unsigned *granted);
void device_interrupt_disable(struct device *device);
void device_interrupt_acknowledge(struct device *device, uint64_t signals);

/* Units */
enum error unit_add(struct device *device, const struct unit_info *info);
enum error unit_remove(struct device *device, uint32_t unit);
/** The first unit with at least this number. */
struct unit *unit_next(struct device *device, uint32_t unit);
struct unit *unit_find(struct device *device, uint32_t unit);

/* PCI: configuration space and what is derived from it */
void pci_init(void);
enum error pci_config_read(uint64_t function, unsigned offset, unsigned width, uint32_t *value);
/** A write on behalf of a driver, filtered. `bus`: by the bus driver. */
enum error pci_config_write(uint64_t function, unsigned offset, unsigned width, uint32_t value,
			    bool bus);
enum error pci_bar_size(uint64_t function, unsigned bar, struct device_window *window);
enum error pci_bar_assign(uint64_t function, unsigned bar, uint64_t base);
enum error pci_child_add(struct device *host, uint64_t function, uint32_t *id);
/** ERR_BUSY: an instance has it still. */
enum error pci_child_remove(struct device *host, uint64_t function);
bool pci_answers(uint64_t function);
struct device *pci_device(uint64_t function);
/** Let the device decode its windows; or quarantine it: no mastering, no line. */
void pci_enable(struct device *device, bool enable);
/** Let the device master the bus. */
void pci_master(struct device *device);
/** Message-signalled interrupts on, with `count` vectors; 0 of *granted: it has none. */
enum error pci_interrupt_enable(struct device *device, unsigned wanted, enum interrupt_kind most,
				unsigned *granted);
void pci_interrupt_disable(struct device *device);
/** Where in window `index` the MSI-X table lies; false: not there. */
bool pci_msix_table(struct device *device, unsigned index, uint64_t *offset, uint64_t *bytes);
/** The line of a function: GSI and flags. */
enum error pci_line(uint64_t function, uint32_t *gsi, unsigned *flags);

/* Ring-0 instances: drivers-kernel/backend/driver.c */
const struct shim_driver *kernel_driver_find(const char *name);
const struct shim_driver *kernel_driver_match(const struct device_info *info);
bool driver_matches(const struct shim_driver *driver, const struct device_info *info);
enum error kernel_instance_start(struct device *device, const struct shim_driver *driver);
/** Make an instance that will take the device over from a live one; it does not probe. */
enum error kernel_instance_prepare(struct device *device, const struct shim_driver *driver,
				   struct kernel_instance **instance);
/** Take over: rebuild what the shim owns, verify the state, serve. */
enum error kernel_instance_adopt(struct kernel_instance *instance);
/** Give the device away: sessions and hardware stay as they are. */
void kernel_instance_hand_over(struct kernel_instance *instance);
/** Free it; nothing of it is called any more. */
void kernel_instance_end(struct kernel_instance *instance);

#endif
