/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes the trace; part of the trace configuration only. Format: shim/trace.h.
 */
#include <shim/log.h>
#include <shim/trace.h>

/* The buffer that a bus address lies in; buffer_count if in none. */
static unsigned buffer_find(const struct shim_device *device, uint64_t value)
{
	unsigned index = 0;

	while (index < device->buffer_count &&
	       (!device->buffer[index].cpu ||
		value - device->buffer[index].iova >= device->buffer[index].size_bytes))
		index++;
	return index;
}

void shim_trace_access(const struct shim_device *device, char how, unsigned window, uint32_t offset,
		       unsigned bits, uint64_t value)
{
	unsigned buffer = buffer_find(device, value);

	if (buffer < device->buffer_count)
		shim_log(device, LOG_DEBUG, "~%c %u+0x%x/%u b%u+0x%llx", how, window, offset, bits,
			 buffer, (unsigned long long)(value - device->buffer[buffer].iova));
	else
		shim_log(device, LOG_DEBUG, "~%c %u+0x%x/%u 0x%llx", how, window, offset, bits,
			 (unsigned long long)value);
}

void shim_trace_iova(const struct shim_device *device, unsigned buffer, uint64_t offset)
{
	shim_log(device, LOG_DEBUG, "~a b%u+0x%llx", buffer, (unsigned long long)offset);
}

void shim_trace_interrupt(const struct shim_device *device, unsigned index)
{
	shim_log(device, LOG_DEBUG, "~i %u", index);
}
