/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands about devices and drivers: devices, drivers, driver.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/heap.h>
#include <runtime/manager.h>

#include "shell.h"

#define TREE_DEPTH_MAX 8
#define ANY            0xff

/* PCI Code and ID Assignment 1.11 §1; the first line that fits wins. */
static const struct {
	uint8_t class_code, subclass, interface;
	const char *text;
} pci_classes[] = {
	{ 0x01, 0x01, ANY, "IDE controller" },
	{ 0x01, 0x06, 0x01, "SATA controller (AHCI)" },
	{ 0x01, 0x06, ANY, "SATA controller" },
	{ 0x01, 0x08, 0x02, "NVMe controller" },
	{ 0x01, ANY, ANY, "storage controller" },
	{ 0x02, 0x00, ANY, "Ethernet controller" },
	{ 0x02, ANY, ANY, "network controller" },
	{ 0x03, 0x00, ANY, "VGA display" },
	{ 0x03, ANY, ANY, "display controller" },
	{ 0x04, 0x03, ANY, "HD audio" },
	{ 0x04, ANY, ANY, "multimedia device" },
	{ 0x05, ANY, ANY, "memory controller" },
	{ 0x06, 0x00, ANY, "host bridge" },
	{ 0x06, 0x01, ANY, "ISA bridge" },
	{ 0x06, 0x04, ANY, "PCI bridge" },
	{ 0x06, ANY, ANY, "bridge" },
	{ 0x07, 0x00, ANY, "serial controller" },
	{ 0x07, ANY, ANY, "communication controller" },
	{ 0x08, 0x05, ANY, "SD host controller" },
	{ 0x08, 0x06, ANY, "IOMMU" },
	{ 0x08, ANY, ANY, "system peripheral" },
	{ 0x09, ANY, ANY, "input controller" },
	{ 0x0c, 0x03, 0x00, "USB controller (UHCI)" },
	{ 0x0c, 0x03, 0x10, "USB controller (OHCI)" },
	{ 0x0c, 0x03, 0x20, "USB controller (EHCI)" },
	{ 0x0c, 0x03, 0x30, "USB controller (xHCI)" },
	{ 0x0c, 0x05, ANY, "SMBus" },
	{ 0x0c, ANY, ANY, "serial bus controller" },
	{ 0x0d, ANY, ANY, "wireless controller" },
};

static const char *device_text(const struct device_info *device)
{
	if (device->bus != BUS_PCI)
		return device->class_id == CLASS_NONE ? "platform device"
						      : device_class_text(device->class_id);
	for (unsigned i = 0; i < sizeof(pci_classes) / sizeof(pci_classes[0]); i++)
		if (pci_classes[i].class_code == device->class_code &&
		    (pci_classes[i].subclass == ANY ||
		     pci_classes[i].subclass == device->subclass) &&
		    (pci_classes[i].interface == ANY ||
		     pci_classes[i].interface == device->interface))
			return pci_classes[i].text;
	return "PCI device";
}

static const char *interrupt_text(const struct device_info *device)
{
	static const char *const text[] = { "", "line", "MSI", "MSI-X" };

	return device->interrupt_kind <= INTERRUPT_MSIX ? text[device->interrupt_kind] : "?";
}

static void print_units(const struct device_info *device, unsigned depth)
{
	struct unit_info unit;
	char size[24];

	for (uint32_t number = 0; device_unit_next(device->id, &number, &unit);) {
		print("%*s%s unit %u", (int)depth * 2, "", device_class_text(unit.class_id),
		      unit.unit);
		if (unit.class_id == CLASS_BLOCK)
			print(": %s, %s", unit.model,
			      size_text(unit.block_count * unit.block_bytes, size));
		print("\n");
	}
}

static void print_device(const struct device_info *device, unsigned depth)
{
	int indent = (int)depth * 2;

	print("%*s%-*s %-23s", indent, "", 18 - indent, device->name, device_text(device));
	if (device->driver[0] == 0) {
		print(" -\n");
		return;
	}
	print(" %-8s %-7s %-8s %8llu %s", device->driver,
	      device->state == INSTANCE_NONE ? "-" : placement_text(device->placement),
	      instance_state_text(device->state), (unsigned long long)device->interrupt_count,
	      interrupt_text(device));
	if (device->state == INSTANCE_FAILED)
		print("  %s", error_text((enum error)device->error));
	print("\n");
	print_units(device, depth + 1);
}

static void print_children(const struct device_info *devices, unsigned count, uint32_t parent,
			   unsigned depth)
{
	if (depth > TREE_DEPTH_MAX)
		return;
	for (unsigned i = 0; i < count; i++)
		if (devices[i].parent == parent) {
			print_device(&devices[i], depth);
			print_children(devices, count, devices[i].id, depth + 1);
		}
}

static void run_devices(int argc, char **argv)
{
	struct device_info device, *devices;
	unsigned count = 0, room = 0;

	(void)argc;
	for (uint32_t id = 0; device_next(&id, &device);)
		room++;
	devices = calloc(room + 1, sizeof(*devices));
	if (!devices) {
		print("%s: no memory for %u devices; see `mem`\n", argv[0], room);
		return;
	}
	for (uint32_t id = 0; count < room && device_next(&id, &devices[count]);)
		count++;
	print("%-18s %-23s %-8s %-7s %-8s %10s\n", "device", "what", "driver", "ring", "state",
	      "interrupts");
	print_children(devices, count, 0, 0);
	free(devices);
}

struct driver_sum {
	unsigned instances, starts, deaths, moves;
	uint64_t last_pause_ns;
	uint32_t placement; /* of a live instance */
};

static struct driver_sum sum_driver(const char *name)
{
	struct driver_sum sum = { 0 };
	struct device_info device;

	for (uint32_t id = 0; device_next(&id, &device);) {
		if (strncmp(device.driver, name, DRIVER_NAME_BYTES) != 0)
			continue;
		sum.instances += device.state == INSTANCE_LIVE || device.state == INSTANCE_PROBING;
		if (device.state == INSTANCE_LIVE)
			sum.placement = device.placement;
		sum.starts += device.starts;
		sum.deaths += device.deaths;
		sum.moves += device.moves;
		if (device.last_pause_ns)
			sum.last_pause_ns = device.last_pause_ns;
	}
	return sum;
}

static void run_drivers(int argc, char **argv)
{
	struct driver_info driver;

	(void)argc, (void)argv;
	print("%-12s %-8s %-7s %-7s %-8s %-8s %4s %6s %6s %6s %10s\n", "driver", "class", "ring",
	      "boots", "default", "in-image", "live", "starts", "deaths", "moves", "last-pause");
	for (uint32_t index = 0; driver_next(&index, &driver);) {
		struct driver_sum sum = sum_driver(driver.name);
		char pause[24];

		print("%-12.*s %-8s %-7s %-7s %-8s %-8s %4u %6u %6u %6u %10s\n", DRIVER_NAME_BYTES,
		      driver.name, device_class_text(driver.class_id),
		      sum.placement ? placement_text(sum.placement) : "-",
		      placement_text(driver.placement), placement_text(driver.placement_default),
		      driver.in_kernel_image ? "yes" : "no", sum.instances, sum.starts, sum.deaths,
		      sum.moves, sum.last_pause_ns ? duration_text(sum.last_pause_ns, pause) : "-");
	}
}

static bool driver_exists(const char *name)
{
	struct driver_info driver;

	for (uint32_t index = 0; driver_next(&index, &driver);)
		if (strncmp(driver.name, name, DRIVER_NAME_BYTES) == 0)
			return true;
	print("driver: there is no driver '%s'; `drivers` lists them\n", name);
	return false;
}

/* The ring that a driver runs in; off: it does not run. */
static enum placement ring_now(const char *name)
{
	return (enum placement)sum_driver(name).placement;
}

/* `other` is the ring where the driver is not. */
static bool ring_argument(const char *name, const char *text, enum placement *placement)
{
	if (strcmp(text, "other") == 0) {
		*placement = ring_now(name) == PLACEMENT_KERNEL ? PLACEMENT_USER : PLACEMENT_KERNEL;
		return true;
	}
	if (placement_from_text(text, placement) && *placement != PLACEMENT_OFF)
		return true;
	print("driver: expected the ring, `kernel`, `user` or `other`, got '%s'\n", text);
	return false;
}

/* The ring a driver boots in: what `driver start` means without one. */
static enum placement placement_of(const char *name)
{
	struct driver_info driver;

	for (uint32_t index = 0; driver_next(&index, &driver);)
		if (strncmp(driver.name, name, DRIVER_NAME_BYTES) == 0 &&
		    driver.placement != PLACEMENT_OFF)
			return (enum placement)driver.placement;
	return PLACEMENT_USER;
}

static void print_failed(const char *verb, const char *name, enum error error)
{
	print("driver %s %s: %s; `log` has the details\n", verb, name, error_text(error));
}

static void driver_move(const char *name, enum placement placement, enum manager_move how)
{
	bool there = ring_now(name) == placement;
	struct manager_moved moved;
	enum error error = manager_driver_move_timed(name, placement, how, &moved);
	char pause[24];

	if (error == ERR_DENIED)
		print("driver move %s: denied: a driver in the kernel never stands on a bus in "
		      "ring 3\n",
		      name);
	else if (error != OK)
		print_failed("move", name, error);
	else if (there)
		print("%s: it is there already\n", name);
	else
		print("%s: moved %s to ring %u, its clients waited %s%s\n", name,
		      moved.cold ? "cold" : "hot", placement == PLACEMENT_KERNEL ? 0u : 3u,
		      duration_text(moved.pause_ns, pause),
		      moved.cold && how == MOVE_HOT_ELSE_COLD
			      ? "; it could not move hot, `log` says why"
			      : "");
}

void kill_driver(const char *name)
{
	struct manager_moved moved;
	enum error error = manager_driver_kill_timed(name, &moved);
	char pause[24];

	if (error == ERR_DENIED)
		print("driver kill %s: it runs in the kernel, where nothing can be killed; first "
		      "`driver move %s user`\n",
		      name, name);
	else if (error != OK)
		print_failed("kill", name, error);
	else
		print("%s: killed and started afresh, its clients waited %s\n", name,
		      duration_text(moved.pause_ns, pause));
}

/* driver move [--hot|--cold] NAME RING */
static void run_move(int argc, char **argv)
{
	enum manager_move how = MOVE_HOT_ELSE_COLD;
	enum placement placement;

	if (argc > 2 && string_starts(argv[2], "--")) {
		how = strcmp(argv[2], "--hot") == 0 ? MOVE_HOT_ONLY : MOVE_COLD;
		if (how == MOVE_COLD && strcmp(argv[2], "--cold") != 0)
			return print_usage(argv[0]);
		argc--;
		argv++;
	}
	if (argc != 4)
		return print_usage("driver");
	if (driver_exists(argv[2]) && ring_argument(argv[2], argv[3], &placement))
		driver_move(argv[2], placement, how);
}

static void run_driver(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
	bool start = strcmp(verb, "start") == 0;
	enum placement placement;
	enum error error;

	if (strcmp(verb, "move") == 0)
		return run_move(argc, argv);
	if (argc < 3 || argc > (start ? 4 : 3))
		return print_usage(argv[0]);
	if (!driver_exists(name) || (argc == 4 && !ring_argument(name, argv[3], &placement)))
		return;
	if (strcmp(verb, "kill") == 0)
		return kill_driver(name);
	if (start)
		error = manager_driver_start(name, argc == 4 ? placement : placement_of(name));
	else if (strcmp(verb, "stop") == 0)
		error = manager_driver_stop(name);
	else
		return print_usage(argv[0]);
	if (error != OK)
		print_failed(verb, name, error);
}

static const char *complete_driver_command(int word, char **words, unsigned index)
{
	static const char *const verbs[] = { "start", "stop", "move", "kill", NULL };
	static const char *const rings[] = { "kernel", "user", "other", NULL };
	bool how = word > 2 && string_starts(words[2], "--");

	if (word == 1)
		return complete_from(verbs, index);
	word -= how;
	if (word == 2)
		return complete_driver(index);
	if (word == 3 && (strcmp(words[1], "move") == 0 || strcmp(words[1], "start") == 0))
		return complete_from(rings, index);
	return NULL;
}

const struct command device_commands[] = {
	{ "devices", "", "the tree of devices: driver, ring, state, interrupts", run_devices,
	  NULL },
	{ "drivers", "", "the drivers: where they run, and how they fared", run_drivers, NULL },
	{ "driver", "start|stop|kill DRIVER | move [--hot|--cold] DRIVER kernel|user|other",
	  "start, stop, move or kill a driver; a move is hot if it can be", run_driver,
	  complete_driver_command },
	{ 0 },
};
