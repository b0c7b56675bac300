/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments: markers for the plugin, times for everybody, and the lines that tell the host.
 */
#include <stdarg.h>

#include <lib/format.h>
#include <runtime/parent.h>

#include "bench.h"

static uint32_t sample[SAMPLES_MAX];
static uint32_t samples, segments;
static uint64_t begin_ns;

void segment_begin(void)
{
	samples = 0;
	begin_ns = now_ns();
	MARKER(MARKER_BEGIN);
}

void sample_add(uint64_t ticks)
{
	if (samples < SAMPLES_MAX)
		sample[samples++] = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

static void sort(uint32_t *value, uint32_t count)
{
	for (uint32_t gap = count / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (uint32_t i = gap; i < count; i++) {
			uint32_t kept = value[i], at = i;

			for (; at >= gap && value[at - gap] > kept; at -= gap)
				value[at] = value[at - gap];
			value[at] = kept;
		}
}

static uint64_t percentile(unsigned permille)
{
	uint64_t ticks = samples ? sample[(uint64_t)samples * permille / 1000] : 0;

	return ticks * runtime_startup->tsc_mult >> 32;
}

struct segment segment_end(uint32_t operations)
{
	struct segment result;

	MARKER(MARKER_END);
	result = (struct segment){ .total_ns = now_ns() - begin_ns,
				   .operations = operations,
				   .number = segments++ };
	sort(sample, samples);
	result.p50_ns = percentile(500);
	result.p99_ns = percentile(990);
	result.p999_ns = percentile(999);
	return result;
}

void data_line(const struct segment *segment, const char *format, ...)
{
	char text[192], line[384];
	va_list list;
	int bytes;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	parent_print("%s: %lu ns each, p50 %lu, p99 %lu, p99.9 %lu\n", text,
		     segment->total_ns / (segment->operations ? segment->operations : 1),
		     segment->p50_ns, segment->p99_ns, segment->p999_ns);
	bytes = snprintf(line, sizeof(line),
			 "bench: %s segment=%u samples=%u total_ns=%lu p50_ns=%lu p99_ns=%lu "
			 "p999_ns=%lu\n",
			 text, segment->number, segment->operations, segment->total_ns,
			 segment->p50_ns, segment->p99_ns, segment->p999_ns);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)line, bytes);
}
