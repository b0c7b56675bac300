/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A child that is the driver instance of an idle PCI device, and asks for what it must not have.
 */
#include <lib/string.h>
#include <runtime/print.h>

#include "systest.h"

#define BAD_POINTER         UINT64_C(0xffff800000000000)
#define CONFIG_COMMAND      4
#define CONFIG_BAR          0x10
#define CONFIG_EXTENDED     0x100
#define CONFIG_CAPABILITIES 0x34
#define STATUS_CAPABILITIES (0x10u << 16)
#define CAPABILITY_MSIX     0x11
#define MASTER_ENABLE       4u

/* Ends the child, with the line as its exit code, where the kernel says something else. */
#define EXPECT(call, expected)                                                        \
	do {                                                                          \
		struct sys_result result_ = (call);                                   \
		if (result_.error != (expected)) {                                    \
			log_line(LOG_WARNING, "systest: instance.c:%d: %s", __LINE__, \
				 error_text(result_.error));                          \
			return __LINE__;                                              \
		}                                                                     \
	} while (0)

static int before_attaching(handle_t grant, handle_t notification)
{
	struct dma_info dma;

	EXPECT(SYS2(SYS_WINDOW_MAP, grant, 0), ERR_DENIED);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, 4096, (uintptr_t)&dma), ERR_DENIED);
	EXPECT(SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, 0, 4), ERR_DENIED);
	EXPECT(SYS3(SYS_INSTANCE_REPORT, grant, INSTANCE_LIVE, OK), ERR_DENIED);
	EXPECT(SYS3(SYS_INSTANCE_ATTACH, grant, notification, BAD_POINTER), ERR_FAULT);
	EXPECT(SYS3(SYS_INSTANCE_ATTACH, notification, notification, BAD_POINTER), ERR_TYPE);
	return 0;
}

static int configuration_space(handle_t grant, const struct device_info *info)
{
	struct sys_result command =
		SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, CONFIG_COMMAND, 2);
	uint64_t self = pci_address_pack(info->pci);

	EXPECT(command, OK);
	EXPECT(SYS4(SYS_CONFIG_READ, grant, self, 0, 4), ERR_DENIED); /* naming is a bus's right */
	EXPECT(SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, 1, 4), ERR_RANGE);
	EXPECT(SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, 0, 3), ERR_RANGE);
	EXPECT(SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, 4096, 4), ERR_RANGE);
	EXPECT(SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, ~UINT64_C(3), 4), ERR_RANGE);
	EXPECT(SYS5(SYS_CONFIG_WRITE, grant, PCI_ADDRESS_SELF, CONFIG_BAR, 4, ~UINT32_C(0)),
	       ERR_DENIED);
	EXPECT(SYS5(SYS_CONFIG_WRITE, grant, PCI_ADDRESS_SELF, CONFIG_EXTENDED, 4, 0), ERR_DENIED);
	SYS5(SYS_CONFIG_WRITE, grant, PCI_ADDRESS_SELF, CONFIG_COMMAND, 2,
	     command.value ^ MASTER_ENABLE);
	if ((SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, CONFIG_COMMAND, 2).value ^
	     command.value) &
	    MASTER_ENABLE)
		return __LINE__; /* it let itself write to memory */
	return 0;
}

static int resources(handle_t grant)
{
	struct dma_info one = { 0 }, again = { 0 };

	EXPECT(SYS2(SYS_WINDOW_MAP, grant, DEVICE_WINDOW_MAX), ERR_RANGE);
	EXPECT(SYS2(SYS_WINDOW_MAP, grant, ~UINT64_C(0)), ERR_RANGE);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, 0, (uintptr_t)&one), ERR_NOT_FOUND);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, ~UINT64_C(0), (uintptr_t)&one), ERR_RANGE);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, ~UINT64_C(0), 4096, (uintptr_t)&one), ERR_RANGE);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, 8192, (uintptr_t)&one), OK);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, 4096, (uintptr_t)&again), OK);
	if (one.iova != again.iova || one.size_bytes != 8192 || *(uint64_t *)one.vaddr != 0)
		return __LINE__;
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 0, 65536, (uintptr_t)&one), ERR_EXISTS);
	EXPECT(SYS4(SYS_DMA_ALLOCATE, grant, 1, 4096, BAD_POINTER), ERR_FAULT);
	return 0;
}

/* What only a bus driver may do, and what there is nothing of. */
static int of_others(handle_t grant, const struct device_info *info)
{
	uint64_t self = pci_address_pack(info->pci);
	struct device_window window;
	struct session_view view;

	EXPECT(SYS4(SYS_BAR_SIZE, grant, self, 0, (uintptr_t)&window), ERR_DENIED);
	EXPECT(SYS4(SYS_BAR_ASSIGN, grant, self, 0, 0), ERR_DENIED);
	EXPECT(SYS2(SYS_CHILD_ADD, grant, self), ERR_DENIED);
	EXPECT(SYS2(SYS_CHILD_REMOVE, grant, self), ERR_DENIED);
	EXPECT(SYS2(SYS_UNIT_ADD, grant, BAD_POINTER), ERR_FAULT);
	EXPECT(SYS3(SYS_SESSION_NEXT, grant, 0, (uintptr_t)&view), ERR_NOT_FOUND);
	EXPECT(SYS2(SYS_SESSION_DETACH, grant, 1), ERR_NOT_FOUND);
	EXPECT(SYS2(SYS_SESSION_WAKE, grant, 1), ERR_NOT_FOUND);
	return 0;
}

static uint32_t config_read(handle_t grant, unsigned offset)
{
	return (uint32_t)SYS4(SYS_CONFIG_READ, grant, PCI_ADDRESS_SELF, offset, 4).value;
}

/* Its MSI-X capability; 0: it has none. */
static unsigned msix_find(handle_t grant)
{
	unsigned offset = config_read(grant, CONFIG_CAPABILITIES) & 0xfc;

	if (!(config_read(grant, CONFIG_COMMAND) & STATUS_CAPABILITIES))
		return 0;
	for (unsigned i = 0; i < 48 && offset; i++) {
		if ((config_read(grant, offset) & 0xff) == CAPABILITY_MSIX)
			return offset;
		offset = config_read(grant, offset) >> 8 & 0xfc;
	}
	return 0;
}

int reach_for_msix(uint32_t device)
{
	static struct instance_attach attach = { .state_version = 1, .driver = "systest" };
	struct sys_result window, grant = SYS4(SYS_DEVICE_OPEN, runtime_handle(STARTUP_REGISTRY),
					       device, RIGHT_INSTANCE, 0);
	unsigned msix;
	uint32_t table;

	EXPECT(SYS3(SYS_INSTANCE_ATTACH, grant.value, new_notification(), (uintptr_t)&attach), OK);
	msix = msix_find((handle_t)grant.value);
	if (!msix)
		return 0;
	table = config_read((handle_t)grant.value, msix + 4);
	window = SYS2(SYS_WINDOW_MAP, grant.value, table & 7);
	EXPECT(window, OK);
	return 1 + (int)(*(volatile uint32_t *)(window.value + (table & ~7u)) & 1);
}

int be_an_instance(uint32_t device)
{
	static struct instance_attach attach = { .state_base_bytes = 64,
						 .state_version = 1,
						 .driver = "systest" };
	struct sys_result grant =
		SYS4(SYS_DEVICE_OPEN, runtime_handle(STARTUP_REGISTRY), device, RIGHT_INSTANCE, 0);
	handle_t notification = new_notification();
	int line;

	EXPECT(grant, OK);
	line = before_attaching((handle_t)grant.value, notification);
	if (line)
		return line;
	EXPECT(SYS3(SYS_INSTANCE_ATTACH, grant.value, notification, (uintptr_t)&attach), OK);
	EXPECT(SYS3(SYS_INSTANCE_ATTACH, grant.value, notification, (uintptr_t)&attach), ERR_BUSY);
	line = configuration_space((handle_t)grant.value, &attach.info);
	if (line == 0)
		line = resources((handle_t)grant.value);
	if (line == 0)
		line = of_others((handle_t)grant.value, &attach.info);
	EXPECT(SYS3(SYS_INSTANCE_REPORT, grant.value, INSTANCE_NONE, OK), OK);
	return line;
}

int use_ports(uint32_t device)
{
	static struct instance_attach attach = { .state_base_bytes = 64,
						 .state_version = 1,
						 .driver = "systest" };
	struct sys_result grant =
		SYS4(SYS_DEVICE_OPEN, runtime_handle(STARTUP_REGISTRY), device, RIGHT_INSTANCE, 0);
	struct message message = { 0 };
	uint16_t port = 0;
	uint8_t value;

	EXPECT(grant, OK);
	EXPECT(SYS3(SYS_INSTANCE_ATTACH, grant.value, new_notification(), (uintptr_t)&attach), OK);
	for (unsigned i = 0; i < DEVICE_WINDOW_MAX; i++)
		if (attach.info.window[i].kind == WINDOW_PORT) {
			EXPECT(SYS2(SYS_WINDOW_MAP, grant.value, i), OK);
			port = (uint16_t)attach.info.window[i].base;
		}
	for (unsigned i = 0; i < 5; i++) {
		__asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
		message.label = i == 4 ? 99 : i + 1;
		if (sys_call(runtime_handle(CHILD_ENDPOINT), &message))
			return __LINE__;
	}
	__asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
	EXPECT(SYS3(SYS_INSTANCE_REPORT, grant.value, INSTANCE_NONE, OK), OK);
	return 0;
}
