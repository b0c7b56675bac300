/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel keeps of devices: instances (instance.c), sessions (session.c), grants (grant.c)
 * and hot moves (move.c), over real frames, address spaces and memory objects. Processes, ring-0
 * instances, timers and the bus are simulated.
 * sources: shim/lib/text.c
 */
#include "kernel_host.h"

#include "../../kernel/mm/frame.c"
#include "../../kernel/mm/heap.c"
#include "../../kernel/mm/memory.c"
#include "../../kernel/mm/space.c"

#include "../../kernel/device/grant.c"
#undef UNITS_MAX
#include "../../kernel/device/instance.c"
#include "../../kernel/device/move.c"
#define next_id session_next_id
#include "../../kernel/device/session.c"
#undef next_id

#include <kernel/domain.h>

uint64_t kernel_cr3;
struct ktask *task_first;

/* --- Simulated: objects that only count, processes, ring-0 instances, timers, the bus --- */

bool process_may_log(struct process *process, unsigned lines)
{
	(void)process;
	(void)lines;
	return true;
}

struct kernel_instance {
	struct device *owner;
};

static struct device *device, *child;
static struct process client, driver, heir; /* heir: the next driver process */
static struct notification ear[3];          /* of client, driver, heir */
static struct kernel_instance instances[2];
static unsigned instance_ends, hand_overs, flushes;
static enum error prepare_result, adopt_result;
static unsigned port_revocations, domain_pages, masters;
static bool msix; /* the window has a table */
static struct ktimer *armed;
static uint8_t *table;
static uint64_t free_before;

static struct shim_driver ring0_driver = { .name = "null", .class_id = CLASS_BLOCK };

void device_destroy(struct object *object)
{
	(void)object;
	fail_msg("the device is referenced by the test");
}

enum error object_create(struct process *owner, enum object_type type, size_t size_bytes,
			 void **result)
{
	struct object *object = kzalloc(size_bytes);

	if (!object)
		return ERR_NO_MEMORY;
	if (owner && owner->account.objects_used == owner->account.objects_limit) {
		kfree(object, size_bytes);
		return ERR_BUDGET;
	}
	if (owner)
		owner->account.objects_used++;
	*object = (struct object){ .type = (uint8_t)type,
				   .references = 1,
				   .size_bytes = (uint32_t)size_bytes,
				   .owner = owner };
	*result = object;
	return OK;
}

void object_reference(struct object *object)
{
	assert_true(object->references);
	object->references++;
}

void object_release(struct object *object)
{
	assert_true(object->references);
	if (--object->references)
		return;
	if (object->type == OBJECT_MEMORY)
		memory_destroy(object);
	else if (object->type == OBJECT_SESSION)
		session_destroy(object);
	else
		fail_msg("a reference too many is dropped");
}

void object_free(struct object *object)
{
	if (object->owner)
		object->owner->account.objects_used--;
	kfree(object, object->size_bytes);
}

enum error account_charge_pages(struct process *owner, uint64_t pages)
{
	if (!owner)
		return OK;
	if (pages > owner->account.pages_limit - owner->account.pages_used)
		return ERR_BUDGET;
	owner->account.pages_used += pages;
	return OK;
}

void account_release_pages(struct process *owner, uint64_t pages)
{
	if (!owner)
		return;
	assert_true(owner->account.pages_used >= pages);
	owner->account.pages_used -= pages;
}

enum error account_allocate(struct process *owner, size_t size_bytes, void **pointer)
{
	enum error error = account_charge_pages(owner, heap_frames(size_bytes));

	if (!error)
		*pointer = kzalloc(size_bytes);
	return error;
}

void account_free(struct process *owner, void *pointer, size_t size_bytes)
{
	if (!pointer)
		return;
	kfree(pointer, size_bytes);
	account_release_pages(owner, heap_frames(size_bytes));
}

struct process *registry_account(void)
{
	return NULL;
}

void task_post(struct ktask *task)
{
	(void)task;
}

void cpu_flush_space(struct space *space)
{
	(void)space;
	flushes++;
}

/* As the reaper finds it when its last thread has gone. */
void process_exit(struct process *process, int64_t code)
{
	process->dying = true;
	process->exit_code = code;
}

static void reap(struct process *process)
{
	assert_true(process->dying);
	while (!space_destroy(&process->space))
		;
	process->exited = true;
	if (process->instance_of)
		device_process_died(process->instance_of, process);
}

void sched_ports_revoke(const struct process *process)
{
	assert_null(process->ports);
	port_revocations++;
}

void sched_ports_update(void)
{
}

void timer_arm(struct ktimer *timer, uint64_t deadline_ns)
{
	timer->deadline_ns = deadline_ns;
	armed = timer;
}

void timer_cancel(struct ktimer *timer)
{
	if (armed == timer)
		armed = NULL;
}

static void time_passes(void)
{
	struct ktimer *timer = armed;

	assert_non_null(timer);
	host_now_ns = timer->deadline_ns;
	armed = NULL;
	timer->function(timer);
}

void log_write(enum log_level level, const char *format, ...)
{
	(void)level, (void)format;
}

void console_seize(void)
{
}

void console_release(void)
{
}

struct device *device_next(uint32_t id)
{
	if (device && device->info.id >= id)
		return device;
	return child && child->info.id >= id ? child : NULL;
}

void device_event(struct device *of, uint32_t events)
{
	of->events |= events;
}

static uint32_t news(void)
{
	uint32_t events = device->events & ~(uint32_t)EVENT_UNITS;

	device->events = 0;
	return events;
}

enum error domain_map(struct domain *domain, paddr_t paddr, uint64_t size_bytes, uint64_t *iova)
{
	(void)domain;
	domain_pages += (unsigned)(size_bytes / PAGE_SIZE);
	*iova = paddr;
	return OK;
}

void domain_unmap(struct domain *domain, uint64_t iova, uint64_t size_bytes)
{
	(void)domain, (void)iova;
	domain_pages -= (unsigned)(size_bytes / PAGE_SIZE);
}

void pci_enable(struct device *of, bool enable)
{
	(void)of;
	masters = enable;
}

enum error pci_interrupt_enable(struct device *of, unsigned wanted, enum interrupt_kind most,
				unsigned *granted)
{
	of->info.interrupt_kind = most;
	of->info.interrupt_vectors = (uint16_t)wanted;
	*granted = wanted;
	return OK;
}

void pci_interrupt_disable(struct device *of)
{
	(void)of;
}

/* In the third page of its window. */
bool pci_msix_table(struct device *of, unsigned index, uint64_t *offset, uint64_t *bytes)
{
	(void)of, (void)index;
	*offset = 2 * PAGE_SIZE + 256;
	*bytes = 512;
	return msix;
}

enum error pci_line(uint64_t function, uint32_t *gsi, unsigned *flags)
{
	(void)function, (void)gsi, (void)flags;
	return ERR_UNSUPPORTED;
}

enum error interrupt_bind_line(struct interrupt *interrupt, uint32_t gsi, unsigned flags,
			       struct device *of, unsigned index)
{
	(void)interrupt, (void)gsi, (void)flags, (void)of, (void)index;
	return OK;
}

void interrupt_release(struct interrupt *interrupt)
{
	(void)interrupt;
}

void interrupt_acknowledge(struct interrupt *interrupt)
{
	(void)interrupt;
}

const struct shim_driver *kernel_driver_find(const char *name)
{
	return strcmp(name, "null") ? NULL : &ring0_driver;
}

bool driver_matches(const struct shim_driver *of, const struct device_info *info)
{
	(void)of, (void)info;
	return true;
}

static struct instance_attach layout(void)
{
	return (struct instance_attach){ .driver = "null",
					 .class_id = CLASS_BLOCK,
					 .state_base_bytes = 64,
					 .timer_count = 1,
					 .port_bytes = 100 };
}

enum error kernel_instance_start(struct device *owner, const struct shim_driver *of)
{
	struct instance_attach attach = layout();

	(void)of;
	assert_int_equal(device_state(owner, &attach), OK);
	owner->kernel = &instances[0];
	return device_report(owner, INSTANCE_LIVE, OK);
}

enum error kernel_instance_prepare(struct device *owner, const struct shim_driver *of,
				   struct kernel_instance **instance)
{
	(void)owner, (void)of;
	if (!prepare_result)
		*instance = &instances[1];
	return prepare_result;
}

enum error kernel_instance_adopt(struct kernel_instance *instance)
{
	assert_ptr_equal(instance, device->kernel);
	assert_null(device->process);
	return adopt_result ? adopt_result : device_report(device, INSTANCE_LIVE, (enum error)3);
}

void kernel_instance_hand_over(struct kernel_instance *instance)
{
	assert_ptr_equal(instance, device->kernel);
	hand_overs++;
}

void kernel_instance_end(struct kernel_instance *instance)
{
	assert_non_null(instance);
	instance_ends++;
}

void kernel_instance_post(struct kernel_instance *instance, uint64_t bits)
{
	(void)instance, (void)bits;
}

void kernel_instance_interrupt(struct kernel_instance *instance, unsigned index)
{
	(void)instance, (void)index;
}

void kernel_instance_doorbell(struct kernel_instance *instance, unsigned queue)
{
	(void)instance, (void)queue;
}

/* --- Set-up: one disk with one unit, a client with budget, two processes that may drive it --- */

static void process_make(struct process *process, uint32_t pid)
{
	*process = (struct process){ .object = { .type = OBJECT_PROCESS, .references = 1 },
				     .pid = pid,
				     .account = { .pages_limit = 4000, .objects_limit = 4000 } };
	assert_int_equal(space_create(process, &process->space), OK);
}

static struct device *device_make(uint32_t id)
{
	struct device *made = calloc(1, sizeof(*made));

	made->object = (struct object){ .type = OBJECT_DEVICE, .references = 1 };
	made->info.id = id;
	made->info.bus = BUS_PCI;
	made->info.window[0] =
		(struct device_window){ .kind = WINDOW_PORT, .base = 0x3f8, .size_bytes = 8 };
	made->info.window[1] = (struct device_window){ .kind = WINDOW_MMIO,
						       .base = 0xfebf1000,
						       .size_bytes = PAGE_SIZE };
	list_init(&made->units);
	list_init(&made->sessions);
	return made;
}

static int setup(void **state)
{
	(void)state;
	table = calloc(1, frame_table_bytes(HOST_TOP));
	frame_table_set(table, HOST_TOP);
	frame_add_range(HOST_LOW_START, HOST_LOW_START + HOST_ARENA);
	kernel_cr3 = frame_allocate(0, 0);
	host_now_ns = 1000;
	device = device_make(1);
	child = NULL;
	armed = NULL;
	for (unsigned i = 0; i < 3; i++)
		ear[i] = (struct notification){ .object = { .type = OBJECT_NOTIFICATION,
							    .references = 1 } };
	instance_ends = hand_overs = port_revocations = domain_pages = masters = 0;
	prepare_result = adopt_result = OK;
	msix = false;
	ring0_driver.check = (void *)1; /* never called here */
	process_make(&client, 10);
	process_make(&driver, 11);
	process_make(&heir, 12);
	free_before = frame_stats().free_pages;
	return 0;
}

static void process_end(struct process *process)
{
	process_exit(process, 0);
	reap(process);
	assert_int_equal(process->object.references, 1);
}

/* Everything that was taken is given back, but the grant's own memory and the client's account. */
static int teardown(void **state)
{
	(void)state;
	if (device->kernel)
		device_end(device);
	process_end(&driver);
	process_end(&heir);
	process_end(&client);
	for (uint32_t i = 0; i < device->buffer_count; i++)
		object_release(&device->buffer[i]->object);
	if (device->state)
		object_release(&device->state->object);
	if (device->port)
		object_release(&device->port->object);
	assert_true(list_empty(&device->units));
	assert_true(list_empty(&device->sessions));
	assert_int_equal(device->info.session_count, 0);
	assert_int_equal(device->object.references, 1);
	assert_null(device->standby);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ear[i].object.references, 1);
	assert_int_equal(client.account.pages_used, 0);
	assert_int_equal(driver.account.pages_used, 0);
	assert_int_equal(heir.account.pages_used, 0);
	assert_true(frame_stats().free_pages >= free_before);
	free(device);
	free(child);
	free(table);
	return 0;
}

/* --- What a driver process, a client and the manager do --- */

static enum error attach_as(struct process *process, struct instance_attach *attach)
{
	*attach = layout();
	return device_attach_process(device, process, &ear[process == &driver ? 1 : 2], attach);
}

static void unit_offer(void)
{
	const struct unit_info info = { .class_id = CLASS_BLOCK,
					.block_bytes = 512,
					.block_count = 1000,
					.depth = 4,
					.transfer_bytes_max = 4096 };

	assert_int_equal(unit_add(device, &info), OK);
}

/* A driver process is live, with a buffer, a window and ports. */
static void live_in_ring3(void)
{
	struct instance_attach attach;
	struct memory *memory;
	uint64_t iova;
	vaddr_t vaddr;

	assert_int_equal(attach_as(&driver, &attach), OK);
	assert_int_equal(attach.standby, 0);
	for (unsigned window = 0; window < 2; window++)
		assert_int_equal(device_window_map(device, &driver, window, &vaddr), OK);
	assert_int_equal(device_dma(device, 0, 2 * PAGE_SIZE, &memory, &iova), OK);
	assert_int_equal(grant_map(&driver, memory, RIGHT_READ | RIGHT_WRITE, &vaddr), OK);
	unit_offer();
	assert_int_equal(device_report(device, INSTANCE_LIVE, OK), OK);
	assert_int_equal(news(), EVENT_LIVE);
	domain_pages = 0;
}

static void live_in_ring0(void)
{
	assert_int_equal(device_start_kernel(device, "null"), OK);
	unit_offer();
	assert_int_equal(news(), EVENT_LIVE);
}

/* `process` stands by and is ready. */
static struct instance_attach stand_by(struct process *process)
{
	struct instance_attach attach;

	assert_int_equal(attach_as(process, &attach), OK);
	assert_int_equal(attach.standby, 1);
	assert_int_equal(device_standby_ready(device), OK);
	assert_int_equal(news(), EVENT_STANDBY);
	return attach;
}

static enum error session_try(struct session **session)
{
	struct session_create parameters = { .slot_count = 4, .pool_bytes = 2 * PAGE_SIZE };
	enum error error = session_create(&client, device, 0, &parameters, session);

	if (!error) {
		(*session)->notification = &ear[0];
		(*session)->bits = 1;
		object_reference(&ear[0].object);
	}
	return error;
}

static struct session *session_open(void)
{
	struct session *session = NULL;

	assert_int_equal(session_try(&session), OK);
	return session;
}

/* The client lets go: its handle was the last one. */
static void session_close(struct session *session)
{
	object_release(&session->object);
}

/* What the processor would find. */
static uint64_t walk(const struct process *process, vaddr_t vaddr)
{
	uint64_t entry = process->space.root | PTE_PRESENT;

	for (unsigned level = 4; level-- && entry & PTE_PRESENT;)
		entry = ((uint64_t *)phys_to_virt(entry & PTE_ADDRESS))[table_index(vaddr, level)];
	return entry & PTE_PRESENT ? entry : 0;
}

/* Does a process reach anything that it may have borrowed? */
static bool reaches_anything(struct process *process)
{
	for (uint32_t i = 0; i < process->space.mapping_count; i++) {
		vaddr_t vaddr = process->space.mapping[i].start;

		if (in_grant(vaddr) &&
		    (walk(process, vaddr) || !space_fault(&process->space, vaddr, false, false)))
			return true;
	}
	return process->port_count != 0;
}

static uint32_t control_read(void)
{
	uint32_t control = device->control;

	device->control = CONTROL_NONE;
	return control;
}

/* --- Instances --- */

static void instance_gets_state_and_class_port(void **state)
{
	struct instance_attach attach;

	(void)state;
	assert_int_equal(attach_as(&driver, &attach), OK);
	assert_int_equal(device->info.state, INSTANCE_PROBING);
	assert_int_equal(device->info.pid, 11);
	assert_true(walk(&driver, attach.state_vaddr) & PTE_WRITE);
	assert_true(walk(&driver, attach.port_vaddr) & PTE_WRITE);
	assert_true(attach.timers_vaddr >= attach.state_vaddr + 64);
	assert_int_equal(attach_as(&heir, &attach),
			 ERR_BUSY); /* not live yet: nothing to stand by */
	assert_false(reaches_anything(&heir));
}

/* At each step that can fail; so large that state and class port lie in different tables. */
static enum error attach_large(void)
{
	struct instance_attach attach = layout();

	attach.state_base_bytes = STATE_BYTES_MAX - PAGE_SIZE;
	attach.port_bytes = STATE_BYTES_MAX;
	return device_attach_process(device, &driver, &ear[1], &attach);
}

static void failed_attach_leaves_nothing(void **state)
{
	uint64_t used = driver.account.pages_used;
	unsigned failures = 0;

	(void)state;
	for (driver.account.pages_limit = used; attach_large();
	     driver.account.pages_limit++, failures++) {
		assert_null(device->process);
		assert_null(driver.instance_of);
		assert_int_equal(device->info.state, INSTANCE_NONE);
		assert_int_equal(device->object.references, 1);
		assert_int_equal(ear[1].object.references, 1);
		assert_int_equal(driver.object.references, 1);
		assert_int_equal(driver.space.mapping_count, 0);
		assert_false(driver.space.grant_open);
		driver.account.pages_limit = driver.account.pages_used; /* tables stay */
	}
	assert_true(failures >= 4);
}

static void stranger_gets_nothing(void **state)
{
	struct instance_attach attach = layout();

	(void)state;
	attach.state_base_bytes = 2 << 20;
	assert_int_equal(device_attach_process(device, &driver, &ear[1], &attach), ERR_RANGE);
	device->gone = true;
	assert_int_equal(attach_as(&driver, &attach), ERR_GONE);
	device->gone = false;
	live_in_ring3();
	assert_int_equal(attach_as(&driver, &attach), ERR_BUSY); /* it drives a device already */
	attach = layout();
	attach.state_version++;
	assert_int_equal(device_attach_process(device, &heir, &ear[2], &attach), ERR_UNSUPPORTED);
	assert_int_equal(heir.space.mapping_count, 0);
}

static void end_of_an_instance_takes_everything_away(void **state)
{
	(void)state;
	live_in_ring3();
	assert_int_equal(driver.port_count, 1);
	assert_true(reaches_anything(&driver));
	assert_int_equal(device_report(device, INSTANCE_STOPPING, OK), OK);
	assert_int_equal(device_report(device, INSTANCE_NONE, OK), OK);
	assert_int_equal(news(), EVENT_STOPPED);
	assert_int_equal(port_revocations, 1);
	assert_null(driver.ports);
	assert_int_equal(driver.port_version, 2); /* once when they opened */
	assert_false(reaches_anything(&driver));
	assert_int_equal(driver.space.mapping_count, 0); /* it lives on, and may attach again */
	assert_null(driver.instance_of);
	assert_int_equal(masters, 0);
}

static void msix_table_is_out_of_reach(void **state)
{
	struct instance_attach attach;
	vaddr_t at;

	(void)state;
	msix = true;
	device->info.window[2] = (struct device_window){ .kind = WINDOW_MMIO,
							 .base = 0xfebf4000,
							 .size_bytes = 4 * PAGE_SIZE };
	assert_int_equal(attach_as(&driver, &attach), OK);
	assert_int_equal(device_window_map(device, &driver, 2, &at), OK);
	assert_true(walk(&driver, at) && walk(&driver, at + PAGE_SIZE));
	assert_int_equal(walk(&driver, at + 2 * PAGE_SIZE), 0);
	assert_int_equal(space_fault(&driver.space, at + 2 * PAGE_SIZE, true, false), ERR_FAULT);
	assert_int_equal(walk(&driver, at + 3 * PAGE_SIZE) & PTE_ADDRESS, 0xfebf7000);
}

static void death_is_counted_and_told(void **state)
{
	struct instance_attach attach;

	(void)state;
	live_in_ring3();
	process_exit(&driver, -1);
	reap(&driver);
	assert_int_equal(news(), EVENT_DIED);
	assert_int_equal(device->info.state, INSTANCE_NONE);
	assert_int_equal(device->info.deaths, 1);
	assert_int_equal(device->info.unit_count, 0);
	assert_int_equal(attach_as(&heir, &attach), OK); /* the next one starts afresh */
	assert_int_equal(attach.standby, 0);
}

static void ring3_bus_keeps_its_children_out_of_ring0(void **state)
{
	(void)state;
	live_in_ring3();
	child = device_make(2);
	child->parent = device;
	assert_int_equal(device_start_kernel(child, "null"), ERR_DENIED);
	child->kernel = &instances[0];
	device_end(device);
	news();
	assert_int_equal(device_attach_process(device, &heir, &ear[2],
					       &(struct instance_attach){ .state_base_bytes = 1 }),
			 ERR_DENIED);
}

/* --- Sessions --- */

static void each_instance_has_its_epoch(void **state)
{
	struct session *session;
	uint32_t first;

	(void)state;
	live_in_ring3();
	session = session_open();
	first = session->info->epoch;
	assert_int_equal(first, device->info.epoch);
	stand_by(&heir);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_int_equal(session->info->epoch, first); /* not before the switch */
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_int_equal(session->info->epoch, first + 1);
	process_exit(&heir, -1);
	reap(&heir);
	assert_int_equal(session->info->epoch, first + 1);
	assert_int_equal(news(), EVENT_DIED);
	live_in_ring0();
	assert_int_equal(session->info->epoch, first + 2);
	session_close(session);
}

static void view_is_mapped_once_and_taken_with_the_session(void **state)
{
	struct session_view view, again;
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	assert_true(session->attached);
	assert_true(walk(&driver, view.info_vaddr) && walk(&driver, view.client_vaddr));
	assert_false(walk(&driver, view.info_vaddr) & PTE_WRITE);
	assert_false(walk(&driver, view.client_vaddr) & PTE_WRITE);
	assert_true(walk(&driver, view.server_vaddr) & PTE_WRITE);
	assert_int_equal(view.pool_vaddr, 0); /* its class moves no data by CPU */
	assert_int_equal(session_view(session, &driver, &again), OK);
	assert_memory_equal(&view, &again, sizeof(view));
	session_close(session);
	assert_int_equal(session_view(session, &driver, &again), OK);
	assert_int_equal(again.closing, 1);
	session_detach(session);
	assert_int_equal(walk(&driver, view.server_vaddr), 0);
	assert_int_equal(device->info.session_count, 0);
}

static void pool_of_a_dead_client_stays_until_the_device_has_drained(void **state)
{
	struct session_view view;
	struct session *session;
	uint64_t used;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	used = client.account.pages_used;
	ear[1].bits = 0;
	while (!space_destroy(&client.space))
		;
	session_close(session);
	assert_true(session->closing);
	assert_true(ear[1].bits & 1ul << SIGNAL_CONTROL);
	assert_int_equal(domain_pages, 2); /* the device may still write into them */
	assert_true(client.account.pages_used >= 5 && client.account.pages_used < used);
	assert_true(walk(&driver, view.server_vaddr));
	session_detach(session);
	assert_int_equal(domain_pages, 0);
	assert_int_equal(client.account.pages_used, 0);
	assert_int_equal(walk(&driver, view.server_vaddr), 0);
}

/* Nobody is attached to it, or the one that was has died. */
static void pool_goes_with_its_client_if_no_instance_has_it(void **state)
{
	struct session_view view;
	struct session *session, *other;

	(void)state;
	live_in_ring3();
	session = session_open();
	session_close(session);
	assert_int_equal(domain_pages, 0);
	session = session_open();
	other = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	session_close(session);
	assert_int_equal(domain_pages, 4);
	ear[0].bits = 0;
	process_exit(&driver, -1);
	reap(&driver);
	assert_int_equal(domain_pages, 2);
	assert_int_equal(device->info.session_count, 1);
	session_close(other);
	assert_int_equal(domain_pages, 0);
}

static void client_of_a_dead_instance_is_woken(void **state)
{
	struct session_view view;
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	ear[0].bits = 0;
	process_exit(&driver, -1);
	reap(&driver);
	assert_int_equal(ear[0].bits, 1); /* it may have died between answer and wake-up */
	assert_false(session->attached);
	session_close(session);
}

static void sessions_have_a_limit(void **state)
{
	struct session *session[SESSIONS_MAX], *one_more = NULL;

	(void)state;
	live_in_ring3();
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		session[i] = session_open();
	assert_int_equal(session_try(&one_more), ERR_BUSY);
	session_close(session[7]);
	session[7] = session_open();
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		session_close(session[i]);
}

static void session_that_is_not_made_leaves_nothing(void **state)
{
	struct session *session = NULL;
	uint64_t used = client.account.pages_used;
	unsigned failures = 0;

	(void)state;
	live_in_ring3();
	for (client.account.pages_limit = used; session_try(&session);
	     client.account.pages_limit++, failures++) {
		assert_int_equal(device->info.session_count, 0);
		assert_int_equal(domain_pages, 0);
		assert_int_equal(client.account.objects_used, client.space.mapping_count);
		client.account.pages_limit += 4000; /* what was mapped before the failure */
		while (client.space.mapping_count)
			assert_int_equal(space_unmap(&client.space, 0, USER_END), OK);
		client.account.pages_limit -= 4000;
	}
	assert_true(failures >= 5);
	session_close(session);
}

static void bad_sessions_are_refused(void **state)
{
	static const struct session_create bad[] = {
		{ .slot_count = 0, .pool_bytes = 4096 },
		{ .slot_count = 3, .pool_bytes = 4096 },
		{ .slot_count = 512, .pool_bytes = 4096 },
		{ .slot_count = 4, .pool_bytes = 0 },
		{ .slot_count = 4, .pool_bytes = SESSION_POOL_MAX + 1 },
		{ .slot_count = 4, .pool_bytes = 4096, .range_start = 1000, .range_count = 1 },
		{ .slot_count = 4, .pool_bytes = 4096, .range_start = 1, .range_count = 1000 },
		{ .slot_count = 4, .pool_bytes = 4096, .range_start = 1, .range_count = 0 },
		{ .slot_count = 4, .pool_bytes = 4096, .range_start = 2, .range_count = ~0ul },
	};
	struct session *session = NULL;

	(void)state;
	live_in_ring3();
	for (unsigned i = 0; i < ARRAY_COUNT(bad); i++) {
		struct session_create parameters = bad[i];

		assert_int_not_equal(session_create(&client, device, 0, &parameters, &session), OK);
		assert_null(session);
	}
	assert_int_equal(
		session_create(&client, device, 1, &(struct session_create){ 0 }, &session),
		ERR_GONE);
	device->gone = true;
	assert_int_equal(session_try(&session), ERR_GONE);
	device->gone = false;
	assert_int_equal(client.account.objects_used, 0);
}

/* --- Hot moves --- */

static void standby_reaches_nothing_before_the_switch(void **state)
{
	struct instance_attach attach;
	struct session_view view;
	struct memory *memory;
	struct session *session;
	uint64_t iova;
	vaddr_t window, buffer;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	attach = stand_by(&heir);
	assert_int_equal(attach.window_mask, 3);
	assert_int_equal(attach.buffer_count, 1);
	assert_int_equal(device_window_map(device, &heir, 0, &window), OK);
	assert_int_equal(device_window_map(device, &heir, 1, &window), OK);
	assert_int_equal(device_window_map(device, &heir, 2, &buffer), ERR_RANGE);
	assert_int_equal(device_dma(device, 0, 0, &memory, &iova), OK);
	assert_int_equal(grant_map(&heir, memory, RIGHT_READ | RIGHT_WRITE, &buffer), OK);
	assert_int_equal(session_view(session, &heir, &view), OK);
	assert_false(reaches_anything(&heir));
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_false(reaches_anything(&heir));
	assert_int_equal(control_read(), CONTROL_FREEZE);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_false(reaches_anything(&driver)); /* one of them at a time */
	assert_true(driver.dying);
	assert_true(walk(&heir, window) & PTE_UNCACHED);
	assert_true(walk(&heir, buffer) && walk(&heir, attach.state_vaddr));
	assert_true(walk(&heir, view.server_vaddr) & PTE_WRITE);
	assert_int_equal(heir.port_count, 0);
	assert_int_equal(control_read(), CONTROL_ADOPT);
	assert_int_equal(device_adopt(device, &attach), OK);
	assert_int_equal(heir.port_count, 1);
	assert_int_equal(session_view(session, &heir, &view), OK);
	assert_true(session->attached);
	assert_int_equal(device_report(device, INSTANCE_LIVE, (enum error)5), OK);
	assert_int_equal(news(), EVENT_MOVED);
	assert_int_equal(device->info.taken_over, 5);
	assert_int_equal(device->info.pid, 12);
	assert_int_equal(device->info.unit_count, 1);
	reap(&driver);
	assert_int_equal(device->info.deaths, 0); /* that was no death */
	session_close(session);
	session_detach(session);
}

static void standby_maps_no_window_that_the_instance_lacks(void **state)
{
	struct instance_attach attach;
	vaddr_t vaddr;

	(void)state;
	assert_int_equal(attach_as(&driver, &attach), OK);
	assert_int_equal(device_report(device, INSTANCE_LIVE, OK), OK);
	news();
	stand_by(&heir);
	assert_int_equal(device_window_map(device, &heir, 1, &vaddr), ERR_DENIED);
	assert_int_equal(device->window_mask, 0);
}

static void session_that_ends_leaves_the_standby_too(void **state)
{
	struct session_view view;
	struct session *session, *late;

	(void)state;
	live_in_ring3();
	session = session_open();
	stand_by(&heir);
	assert_int_equal(session_view(session, &heir, &view), OK);
	assert_false(session->attached); /* the heir does not work for it yet */
	session_close(session);
	assert_int_equal(device->info.session_count, 0);
	for (uint32_t i = 0; i < heir.space.mapping_count; i++)
		assert_int_not_equal(heir.space.mapping[i].start, view.server_vaddr);
	late = session_open();
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_int_equal(session_view(late, &heir, &view), OK); /* came after it prepared */
	assert_true(walk(&heir, view.server_vaddr));
	session_close(late);
	session_detach(late);
}

static void standby_is_needed_and_asked_first(void **state)
{
	struct instance_attach attach;

	(void)state;
	live_in_ring0();
	assert_int_equal(device_move(device, PLACEMENT_USER), ERR_AGAIN);
	assert_int_equal(attach_as(&driver, &attach), OK);
	assert_int_equal(device_move(device, PLACEMENT_USER), ERR_AGAIN); /* still mapping */
	assert_int_equal(attach_as(&heir, &attach), ERR_BUSY);            /* one is enough */
	assert_int_equal(device_standby_ready(device), OK);
	assert_int_equal(device_standby_ready(device), ERR_INVALID);
	assert_int_equal(device_move(device, PLACEMENT_OFF), ERR_INVALID);
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_EXISTS);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_int_equal(hand_overs, 1); /* ring 0 is frozen as it does not run */
	assert_int_equal(control_read(), CONTROL_ADOPT);
	assert_int_equal(device_move(device, PLACEMENT_USER), ERR_BUSY);
	assert_int_equal(device_adopt(device, &attach), OK);
	assert_int_equal(device_report(device, INSTANCE_LIVE, OK), OK);
	assert_int_equal(device->info.moves, 1);
	assert_int_equal(device_adopt(device, &attach), ERR_INVALID); /* it has */
}

static void dead_standby_leaves_the_instance_alone(void **state)
{
	struct instance_attach attach;
	struct session_view view;
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(attach_as(&heir, &attach), OK);
	assert_int_equal(session_view(session, &heir, &view), OK);
	process_exit(&heir, -1);
	reap(&heir);
	assert_null(device->standby);
	assert_int_equal(session->next_view.id, 0);
	assert_int_equal(device->info.state, INSTANCE_LIVE);
	assert_int_equal(device->info.deaths, 0);
	assert_int_equal(news(), 0);
	assert_true(reaches_anything(&driver));
	session_close(session);
}

static void standby_that_dies_while_the_instance_freezes_rolls_back(void **state)
{
	(void)state;
	live_in_ring3();
	stand_by(&heir);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	process_exit(&heir, -1);
	reap(&heir);
	assert_int_equal(news(), EVENT_MOVE_FAILED);
	assert_int_equal(device->info.state, INSTANCE_LIVE);
	assert_int_equal(control_read(), CONTROL_RESUME);
	assert_true(reaches_anything(&driver));
	assert_null(armed);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), ERR_INVALID);
	assert_false(device->on_record); /* it was asked, and is just too late */
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), ERR_INVALID);
	assert_true(device->on_record); /* once */
}

static void instance_that_does_not_freeze_goes_on(void **state)
{
	(void)state;
	live_in_ring3();
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	time_passes();
	assert_int_equal(news(), EVENT_MOVE_FAILED);
	assert_int_equal(device->info.error, ERR_TIMEOUT);
	assert_int_equal(device->info.state, INSTANCE_LIVE);
	assert_int_equal(instance_ends, 1); /* what was prepared in ring 0 */
	assert_int_equal(control_read(), CONTROL_RESUME);
	assert_ptr_equal(device->process, &driver);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), ERR_INVALID); /* too late */
	assert_false(device->on_record);
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK); /* once more */
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_int_equal(news(), EVENT_MOVED);
	assert_int_equal(device->info.taken_over, 3);
	assert_null(device->process);
	assert_true(driver.dying);
	assert_false(reaches_anything(&driver));
}

static void instance_with_a_record_never_gets_into_ring0_hot(void **state)
{
	(void)state;
	live_in_ring3();
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), ERR_INVALID); /* not asked */
	assert_true(device->on_record);
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_DENIED);
	device_end(device);
	device->info.state = INSTANCE_NONE;
	news();
	live_in_ring0();
	assert_false(device->on_record); /* it was the instance's */
}

static void reports_out_of_turn_are_put_on_record(void **state)
{
	static const enum instance_state wrong[] = { INSTANCE_LIVE, INSTANCE_PROBING,
						     INSTANCE_STANDBY, INSTANCE_STANDBY + 1 };

	(void)state;
	live_in_ring3();
	for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
		device->on_record = false;
		assert_int_equal(device_report(device, wrong[i], OK), ERR_INVALID);
		assert_true(device->on_record);
	}
	assert_int_equal(device->info.state, INSTANCE_LIVE);
}

/* By what the driver alone wrote: a client cannot smear it. */
static void impossible_answers_are_put_on_record(void **state)
{
	struct session *session;
	struct session_completion *ring;
	struct session_slot *slots;

	(void)state;
	live_in_ring3();
	session = session_open();
	ring = session_complete_ring(phys_to_virt(session->server_memory->base));
	slots = session_slots(phys_to_virt(session->client_memory->base));
	memset(slots, 0x5a, 4 * sizeof(*slots));
	ring[2] = (struct session_completion){ .slot = 3, .epoch = device->info.epoch };
	assert_true(session_answers_possible(device));
	ring[2].slot = 4; /* of 4 */
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_DENIED);
	assert_true(device->on_record);
	ring[2] = (struct session_completion){ .epoch = device->info.epoch + 1 };
	device->on_record = false;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_DENIED);
	ring[2] = (struct session_completion){ 0 };
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_DENIED); /* not forgotten */
	device->on_record = false;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	session_close(session);
}

static void ring0_takes_only_what_it_can_check(void **state)
{
	struct device bus = { .process = &heir };

	(void)state;
	live_in_ring3();
	ring0_driver.check = NULL;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_UNSUPPORTED);
	ring0_driver.check = (void *)1;
	device->parent = &bus; /* rule 5 */
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_DENIED);
	device->parent = NULL;
	prepare_result = ERR_NO_MEMORY;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_NO_MEMORY);
	assert_int_equal(device->moving, PLACEMENT_OFF);
	assert_int_equal(news() | control_read(), 0);
}

/* After the switch there is no way back: it is as if it had died. */
static void state_that_is_refused_is_a_death(void **state)
{
	struct session_view view;
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	assert_int_equal(session_view(session, &driver, &view), OK);
	adopt_result = ERR_CORRUPT;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_int_equal(news(), EVENT_DIED);
	assert_int_equal(device->info.state, INSTANCE_NONE);
	assert_int_equal(device->info.error, ERR_CORRUPT);
	assert_int_equal(device->info.deaths, 1);
	assert_int_equal(instance_ends, 1);
	assert_null(device->kernel);
	assert_false(session->attached);
	assert_int_equal(masters, 0);
	session_close(session);
}

static void heir_that_cannot_take_over_is_a_death(void **state)
{
	struct instance_attach attach;

	(void)state;
	live_in_ring0();
	attach = stand_by(&heir);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_int_equal(device_adopt(device, &attach), OK);
	assert_int_equal(device_report(device, INSTANCE_FAILED, ERR_CORRUPT), OK);
	assert_int_equal(news(), EVENT_DIED);
	assert_int_equal(device->info.deaths, 1);
	assert_int_equal(device->info.error, ERR_CORRUPT);
	assert_false(reaches_anything(&heir));
	assert_null(heir.instance_of);
}

static void heir_that_takes_too_long_is_ended(void **state)
{
	(void)state;
	live_in_ring0();
	stand_by(&heir);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	time_passes();
	assert_true(heir.dying);
	reap(&heir);
	assert_int_equal(news(), EVENT_DIED);
	assert_int_equal(device->moving, PLACEMENT_OFF);
	assert_false(device->switched);
}

static void instance_that_dies_instead_of_freezing_takes_the_standby_along(void **state)
{
	(void)state;
	live_in_ring3();
	stand_by(&heir);
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	process_exit(&driver, -1);
	reap(&driver);
	assert_int_equal(news(), EVENT_DIED);
	assert_true(heir.dying);
	assert_null(heir.instance_of);
	assert_null(device->standby);
	assert_false(reaches_anything(&heir));
}

static void standby_of_another_move_keeps_its_views(void **state)
{
	struct session_view before, after;
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	stand_by(&heir);
	assert_int_equal(session_view(session, &heir, &before), OK);
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	assert_int_equal(device_report(device, INSTANCE_FROZEN, OK), OK);
	assert_int_equal(session->view.id, 0); /* ring 0 has no use for one */
	assert_false(reaches_anything(&heir));
	news();
	assert_int_equal(device_move(device, PLACEMENT_USER), OK);
	assert_int_equal(session_view(session, &heir, &after), OK);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(walk(&heir, after.server_vaddr));
	session_close(session);
	session_detach(session);
}

/* --- A device that is gone --- */

static void device_that_goes_does_not_move_any_more(void **state)
{
	(void)state;
	live_in_ring3();
	device->gone = true;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_BUSY);
	assert_int_equal(device_control(device, CONTROL_STOP), ERR_BUSY);
	device->gone = false;
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	device->gone = true; /* while it freezes */
	time_passes();
	assert_int_equal(control_read(), CONTROL_STOP);
	assert_int_equal(device_report(device, INSTANCE_STOPPING, OK), OK);
	assert_int_equal(device_report(device, INSTANCE_NONE, OK), OK);
	assert_int_equal(news(), EVENT_MOVE_FAILED | EVENT_STOPPED | EVENT_REMOVED);
}

static void clients_of_a_device_that_goes_are_told(void **state)
{
	struct session *session;

	(void)state;
	live_in_ring3();
	session = session_open();
	ear[0].bits = 0;
	session_unit_gone(device, 1, true); /* another unit */
	assert_int_equal(session->info->gone | ear[0].bits, 0);
	session_unit_gone(device, UINT32_MAX, true);
	assert_int_equal(session->info->gone, 1);
	assert_int_equal(ear[0].bits, 1);
	session_close(session);
}

static void ordered_stop_comes_before_a_move(void **state)
{
	(void)state;
	live_in_ring3();
	assert_int_equal(device_control(device, CONTROL_FREEZE), ERR_INVALID);
	assert_int_equal(device_control(device, CONTROL_STOP), OK);
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), ERR_BUSY);
	control_read();
	assert_int_equal(device_move(device, PLACEMENT_KERNEL), OK);
	assert_int_equal(device_control(device, CONTROL_STOP), ERR_BUSY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(instance_gets_state_and_class_port),
		TEST(failed_attach_leaves_nothing),
		TEST(stranger_gets_nothing),
		TEST(end_of_an_instance_takes_everything_away),
		TEST(msix_table_is_out_of_reach),
		TEST(death_is_counted_and_told),
		TEST(ring3_bus_keeps_its_children_out_of_ring0),
		TEST(each_instance_has_its_epoch),
		TEST(view_is_mapped_once_and_taken_with_the_session),
		TEST(pool_of_a_dead_client_stays_until_the_device_has_drained),
		TEST(pool_goes_with_its_client_if_no_instance_has_it),
		TEST(client_of_a_dead_instance_is_woken),
		TEST(sessions_have_a_limit),
		TEST(session_that_is_not_made_leaves_nothing),
		TEST(bad_sessions_are_refused),
		TEST(standby_reaches_nothing_before_the_switch),
		TEST(standby_maps_no_window_that_the_instance_lacks),
		TEST(session_that_ends_leaves_the_standby_too),
		TEST(standby_is_needed_and_asked_first),
		TEST(dead_standby_leaves_the_instance_alone),
		TEST(standby_that_dies_while_the_instance_freezes_rolls_back),
		TEST(instance_that_does_not_freeze_goes_on),
		TEST(instance_with_a_record_never_gets_into_ring0_hot),
		TEST(reports_out_of_turn_are_put_on_record),
		TEST(impossible_answers_are_put_on_record),
		TEST(ring0_takes_only_what_it_can_check),
		TEST(state_that_is_refused_is_a_death),
		TEST(heir_that_cannot_take_over_is_a_death),
		TEST(heir_that_takes_too_long_is_ended),
		TEST(instance_that_dies_instead_of_freezing_takes_the_standby_along),
		TEST(standby_of_another_move_keeps_its_views),
		TEST(device_that_goes_does_not_move_any_more),
		TEST(clients_of_a_device_that_goes_are_told),
		TEST(ordered_stop_comes_before_a_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
