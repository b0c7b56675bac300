/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suites devices and placement: the registry makes sense, and drivers run where they shall.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/manager.h>

#include "systest.h"

#define DEVICES_MAX 128

static struct device_info devices[DEVICES_MAX];
static unsigned device_count;

static void read_devices(void)
{
	device_count = 0;
	for (uint32_t id = 0;
	     device_count < DEVICES_MAX && device_next(&id, &devices[device_count]);)
		device_count++;
}

static const struct device_info *device_by_id(uint32_t id)
{
	for (unsigned i = 0; i < device_count; i++)
		if (devices[i].id == id)
			return &devices[i];
	return NULL;
}

static bool find_driver(const char *name, struct driver_info *driver)
{
	for (uint32_t index = 0; driver_next(&index, driver);)
		if (strncmp(driver->name, name, DRIVER_NAME_BYTES) == 0)
			return true;
	return false;
}

static bool is_live(const struct device_info *device)
{
	return device->state == INSTANCE_LIVE;
}

/* --- devices --- */

static void devices_settle(void)
{
	CHECK_EQUAL(manager_settled(), OK);
	read_devices();
	CHECK(device_count > 0);
	for (unsigned i = 0; i < device_count; i++)
		CHECK(devices[i].state != INSTANCE_PROBING &&
		      devices[i].state != INSTANCE_STOPPING);
}

static void manager_speaks_this_version(void)
{
	uint64_t version = 0;

	CHECK_EQUAL(manager_version(&version), OK);
	CHECK_EQUAL(version, MANAGER_PROTOCOL_VERSION);
}

static void every_device_has_a_name_of_its_own_and_a_known_parent(void)
{
	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		CHECK(devices[i].name[0]);
		CHECK(devices[i].parent == 0 || device_by_id(devices[i].parent));
		for (unsigned k = 0; k < i; k++) {
			CHECK(strcmp(devices[i].name, devices[k].name) != 0);
			CHECK(devices[i].id != devices[k].id);
		}
	}
}

static void every_live_device_has_a_driver(void)
{
	struct driver_info driver;

	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		if (!is_live(&devices[i]))
			continue;
		CHECK(devices[i].driver[0]);
		CHECK(find_driver(devices[i].driver, &driver));
		CHECK(devices[i].starts > 0);
		if (driver.class_id !=
		    CLASS_NONE) /* the kernel knows the classes that it carries */
			CHECK_EQUAL(devices[i].class_id, driver.class_id);
	}
}

static bool overlap(const struct device_window *a, const struct device_window *b)
{
	return a->kind == b->kind && a->base < b->base + b->size_bytes &&
	       b->base < a->base + a->size_bytes;
}

/* A bridge's own device may name what lies behind it: children are compared with each other. */
static void windows_of_siblings_do_not_overlap(void)
{
	read_devices();
	for (unsigned i = 0; i < device_count; i++)
		for (unsigned k = 0; k < i; k++) {
			if (devices[i].parent != devices[k].parent || devices[i].parent == 0)
				continue;
			for (unsigned w = 0; w < DEVICE_WINDOW_MAX * DEVICE_WINDOW_MAX; w++) {
				const struct device_window *a =
					&devices[i].window[w / DEVICE_WINDOW_MAX];
				const struct device_window *b =
					&devices[k].window[w % DEVICE_WINDOW_MAX];

				if (a->kind != WINDOW_NONE && a->base != 0)
					CHECK(!overlap(a, b));
			}
		}
}

static void units_match_their_devices(void)
{
	struct unit_info unit;

	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		unsigned count = 0;

		for (uint32_t number = 0; device_unit_next(devices[i].id, &number, &unit);
		     count++) {
			CHECK_EQUAL(unit.class_id, devices[i].class_id);
			if (unit.class_id == CLASS_BLOCK) {
				CHECK(unit.block_count > 0 && unit.depth > 0);
				CHECK(unit.block_bytes >= 512 && unit.block_bytes <= 4096);
				CHECK(unit.transfer_bytes_max >= unit.block_bytes);
			}
		}
		CHECK_EQUAL(count, devices[i].unit_count);
	}
}

static void unknown_device_or_unit_cannot_be_opened(void)
{
	handle_t grant;

	CHECK_EQUAL(manager_open(0x7fffffff, 0, &grant), ERR_NOT_FOUND);
	read_devices();
	for (unsigned i = 0; i < device_count; i++)
		CHECK_EQUAL(manager_open(devices[i].id, 0x7fffffff, &grant), ERR_NOT_FOUND);
}

/* A PCI device that nobody drives. */
static const struct device_info *idle_device(void)
{
	read_devices();
	for (unsigned i = 0; i < device_count; i++)
		if (devices[i].bus == BUS_PCI && devices[i].state == INSTANCE_NONE &&
		    devices[i].starts == 0 && devices[i].class_code != 6)
			return &devices[i];
	return NULL;
}

static void instance_has_what_it_was_granted_and_nothing_else(void)
{
	const struct device_info *device = idle_device();
	struct startup_handle given = { STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) };
	struct child child;
	char number[16];
	int64_t line = -1;

	if (!device)
		SKIP("every PCI device has a driver");
	snprintf(number, sizeof(number), "%u", device->id);
	if (!child_start(&child, "instance", number, &given, 1))
		return;
	child_wait(&child, &line);
	child_end(&child);
	CHECK_EQUAL(line, 0);
	read_devices();
	CHECK_EQUAL(device_by_id(device->id)->state, INSTANCE_NONE);
}

static void ports_outlast_a_call(void)
{
	const struct device_info *device = NULL;
	struct sys_result endpoint = SYS0(SYS_ENDPOINT_CREATE);
	struct startup_handle given[2] = { { STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
					   { CHILD_ENDPOINT, (handle_t)endpoint.value } };
	struct message message = { 0 };
	struct child child;
	char number[16];
	int64_t line = -1;
	enum error error;

	read_devices();
	for (unsigned i = 0; i < device_count; i++)
		for (unsigned w = 0; w < DEVICE_WINDOW_MAX; w++)
			if (devices[i].bus == BUS_PCI && devices[i].state == INSTANCE_NONE &&
			    devices[i].starts == 0 && devices[i].window[w].kind == WINDOW_PORT)
				device = &devices[i];
	if (!device)
		SKIP("no idle PCI device has ports");
	snprintf(number, sizeof(number), "%u", device->id);
	if (!child_start(&child, "ports", number, given, 2))
		return;
	error = sys_receive((handle_t)endpoint.value, child.watch, DEADLINE_NEVER, &message);
	while (error == OK && message.token && message.label != 99)
		error = sys_reply_receive((handle_t)endpoint.value, child.watch, &message);
	test_note("last label %u", (unsigned)message.label);
	if (message.label == 99)
		(void)sys_reply(&message);
	if (message.token)
		child_wait(&child, &line);
	else {
		struct process_info info;
		SYS2(SYS_PROCESS_INFO, child.process, (uintptr_t)&info);
		line = info.exit_code;
	}
	child_end(&child);
	close_handle((handle_t)endpoint.value);
	CHECK_EQUAL(line, 0);
}

static void msix_tables_are_out_of_reach(void)
{
	struct startup_handle given = { STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) };
	bool any = false;

	read_devices();
	for (unsigned i = 0; i < device_count && !test_failed(); i++) {
		struct child child;
		char number[16];
		int64_t code = 0;

		if (devices[i].bus != BUS_PCI || devices[i].state != INSTANCE_NONE ||
		    devices[i].starts || devices[i].class_code == 6)
			continue;
		snprintf(number, sizeof(number), "%u", devices[i].id);
		if (!child_start(&child, "msix", number, &given, 1))
			return;
		child_wait(&child, &code);
		child_end(&child);
		CHECK(code <= 0);
		any |= code < 0;
	}
	if (!any)
		SKIP("no idle device has MSI-X");
}

const struct test device_tests[] = {
	{ "manager_speaks_this_version", manager_speaks_this_version },
	{ "devices_settle", devices_settle },
	{ "every_device_has_a_name_of_its_own_and_a_known_parent",
	  every_device_has_a_name_of_its_own_and_a_known_parent },
	{ "every_live_device_has_a_driver", every_live_device_has_a_driver },
	{ "windows_of_siblings_do_not_overlap", windows_of_siblings_do_not_overlap },
	{ "units_match_their_devices", units_match_their_devices },
	{ "unknown_device_or_unit_cannot_be_opened", unknown_device_or_unit_cannot_be_opened },
	{ "ports_outlast_a_call", ports_outlast_a_call },
	{ "instance_has_what_it_was_granted_and_nothing_else",
	  instance_has_what_it_was_granted_and_nothing_else },
	{ "msix_tables_are_out_of_reach", msix_tables_are_out_of_reach },
	{ 0 },
};

/* --- placement --- */

static void every_instance_runs_where_its_driver_is_placed(void)
{
	struct driver_info driver;
	unsigned live = 0;

	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		if (!is_live(&devices[i]))
			continue;
		CHECK(find_driver(devices[i].driver, &driver));
		CHECK_EQUAL(devices[i].placement, driver.placement);
		live++;
	}
	if (live == 0)
		SKIP("no driver runs in this configuration");
}

static void ring_0_instances_are_in_the_kernel_image(void)
{
	struct driver_info driver;

	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		if (!is_live(&devices[i]) || devices[i].placement != PLACEMENT_KERNEL)
			continue;
		CHECK(find_driver(devices[i].driver, &driver));
		CHECK(driver.in_kernel_image);
		CHECK_EQUAL(devices[i].pid, 0);
	}
}

static void ring_3_instances_are_processes(void)
{
	struct process_info process;

	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		uint32_t pid = devices[i].pid;

		if (!is_live(&devices[i]) || devices[i].placement != PLACEMENT_USER)
			continue;
		CHECK(pid != 0);
		CHECK(process_next(&pid, &process));
		CHECK_EQUAL(process.pid, devices[i].pid);
		CHECK(!process.exited);
	}
}

static void drivers_that_are_off_drive_nothing(void)
{
	struct driver_info driver;

	read_devices();
	for (uint32_t index = 0; driver_next(&index, &driver);)
		for (unsigned i = 0; driver.placement == PLACEMENT_OFF && i < device_count; i++)
			CHECK(!is_live(&devices[i]) ||
			      strncmp(devices[i].driver, driver.name, DRIVER_NAME_BYTES) != 0);
}

static void ring_0_never_sits_on_a_ring_3_bus(void)
{
	read_devices();
	for (unsigned i = 0; i < device_count; i++) {
		const struct device_info *parent = device_by_id(devices[i].parent);

		if (is_live(&devices[i]) && devices[i].placement == PLACEMENT_KERNEL && parent &&
		    parent->state != INSTANCE_NONE)
			CHECK_EQUAL(parent->placement, PLACEMENT_KERNEL);
	}
}

static void unknown_driver_cannot_be_driven(void)
{
	CHECK_EQUAL(manager_driver_stop("nonsense"), ERR_NOT_FOUND);
	CHECK_EQUAL(manager_driver_kill("nonsense"), ERR_NOT_FOUND);
	CHECK_EQUAL(manager_driver_start("nonsense", PLACEMENT_USER), ERR_NOT_FOUND);
	CHECK_EQUAL(manager_driver_move("nonsense", PLACEMENT_USER, 0), ERR_NOT_FOUND);
}

/* The first live device of a block driver. */
static const struct device_info *live_block_device(void)
{
	read_devices();
	for (unsigned i = 0; i < device_count; i++)
		if (is_live(&devices[i]) && devices[i].class_id == CLASS_BLOCK)
			return &devices[i];
	return NULL;
}

static void check_state(uint32_t id, enum instance_state state, enum placement placement)
{
	const struct device_info *device;

	read_devices();
	device = device_by_id(id);
	CHECK(device);
	CHECK_EQUAL(device->state, state);
	if (state == INSTANCE_LIVE)
		CHECK_EQUAL(device->placement, placement);
}

/* Stops and starts once, in `placement`. */
static void restart_in(uint32_t id, const char *driver, enum placement placement)
{
	CHECK_EQUAL(manager_driver_stop(driver), OK);
	check_state(id, INSTANCE_NONE, PLACEMENT_OFF);
	CHECK_EQUAL(manager_driver_start(driver, placement), OK);
	CHECK_EQUAL(manager_settled(), OK);
	if (!test_failed())
		check_state(id, INSTANCE_LIVE, placement);
}

static void stopped_driver_starts_again_in_the_same_ring(void)
{
	const struct device_info *device = live_block_device();
	char name[DRIVER_NAME_BYTES + 1] = { 0 };

	if (!device)
		SKIP("no block driver runs");
	memcpy(name, device->driver, DRIVER_NAME_BYTES);
	restart_in(device->id, name, (enum placement)device->placement);
}

static void stopped_driver_starts_in_the_other_ring_and_back(void)
{
	const struct device_info *device = live_block_device(), *parent;
	char name[DRIVER_NAME_BYTES + 1] = { 0 };
	struct driver_info driver;
	enum placement here, there;
	uint32_t id;

	if (!device)
		SKIP("no block driver runs");
	id = device->id;
	here = (enum placement)device->placement;
	there = here == PLACEMENT_KERNEL ? PLACEMENT_USER : PLACEMENT_KERNEL;
	parent = device_by_id(device->parent);
	memcpy(name, device->driver, DRIVER_NAME_BYTES);
	CHECK(find_driver(name, &driver));
	if (!driver.in_kernel_image)
		SKIP("the driver is not in the kernel image");
	if (parent && parent->placement != PLACEMENT_KERNEL)
		SKIP("its bus is in ring 3, so it cannot be in ring 0");
	if (there == PLACEMENT_USER && manager_driver_stop(name) == OK &&
	    manager_driver_start(name, there) == ERR_UNSUPPORTED) {
		CHECK_EQUAL(manager_driver_start(name, here), OK);
		SKIP("the driver is not in the archive");
	}
	restart_in(id, name, there);
	restart_in(id, name, here);
}

const struct test placement_tests[] = {
	{ "every_instance_runs_where_its_driver_is_placed",
	  every_instance_runs_where_its_driver_is_placed },
	{ "ring_0_instances_are_in_the_kernel_image", ring_0_instances_are_in_the_kernel_image },
	{ "ring_3_instances_are_processes", ring_3_instances_are_processes },
	{ "drivers_that_are_off_drive_nothing", drivers_that_are_off_drive_nothing },
	{ "ring_0_never_sits_on_a_ring_3_bus", ring_0_never_sits_on_a_ring_3_bus },
	{ "unknown_driver_cannot_be_driven", unknown_driver_cannot_be_driven },
	{ "stopped_driver_starts_again_in_the_same_ring",
	  stopped_driver_starts_again_in_the_same_ring },
	{ "stopped_driver_starts_in_the_other_ring_and_back",
	  stopped_driver_starts_in_the_other_ring_and_back },
	{ 0 },
};
