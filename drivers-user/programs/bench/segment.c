/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments: markers for the plugin, times for everybody, and the lines that tell the host.
 */
#include <stdarg.h>

#include <lib/format.h>
#include <runtime/parent.h>

#include "bench.h"

#define STRETCH_MIN 16u /* operations; and of 16 batches at least, which do not come evenly */

static uint32_t sample[SAMPLES_MAX], stretch[SAMPLES_MAX / STRETCH_MIN];
static uint32_t samples, segments, stretches, stretch_operations;
static uint64_t stretch_since;
static uint64_t begin_ns;

void segment_begin(uint32_t depth)
{
	samples = stretches = 0;
	stretch_operations = 16 * depth > STRETCH_MIN ? 16 * depth : STRETCH_MIN;
	begin_ns = now_ns();
	stretch_since = __builtin_ia32_rdtsc();
	MARKER(MARKER_BEGIN);
}

void sample_add(uint64_t ticks)
{
	uint64_t now;

	if (samples == SAMPLES_MAX)
		return;
	sample[samples++] = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
	if (samples % stretch_operations)
		return;
	now = __builtin_ia32_rdtsc();
	stretch[stretches++] =
		now - stretch_since > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - stretch_since);
	stretch_since = now;
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

/* The host takes its CPU away at times: the median stretch does not see that, the mean does. */
static uint64_t typical_ps(uint64_t total_ns, uint32_t operations)
{
	if (stretches < 3)
		return operations ? total_ns * 1000 / operations : 0;
	sort(stretch, stretches);
	return (stretch[stretches / 2] * runtime_startup->tsc_mult >> 32) * 1000 /
	       stretch_operations;
}

static uint64_t percentile(unsigned permille)
{
	uint64_t ticks = samples ? sample[(uint64_t)samples * permille / 1000] : 0;

	return ticks * runtime_startup->tsc_mult >> 32;
}

/* How the times of the last segment are distributed, "1:8123,10:9001,...": permille and ns. */
static void quantiles_line(uint32_t segment)
{
	static const uint16_t permille[] = { 1,   10,  50,  100, 200, 300, 400, 500,
					     600, 700, 800, 900, 950, 990, 999 };
	char line[320];
	int bytes = snprintf(line, sizeof(line), "bench: quantiles segment=%u ns=", segment);

	for (unsigned i = 0; i < sizeof(permille) / sizeof(permille[0]); i++)
		bytes += snprintf(line + bytes, sizeof(line) - bytes, "%s%u:%lu", i ? "," : "",
				  permille[i], percentile(permille[i]));
	bytes += snprintf(line + bytes, sizeof(line) - bytes, "\n");
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)line, bytes);
}

struct segment segment_end(uint32_t operations)
{
	struct segment result;

	MARKER(MARKER_END);
	result = (struct segment){ .total_ns = now_ns() - begin_ns,
				   .operations = operations,
				   .number = segments++ };
	sort(sample, samples);
	result.typical_ps = typical_ps(result.total_ns, operations);
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
	bytes = snprintf(
		line, sizeof(line),
		"bench: %s segment=%u samples=%u total_ns=%lu typical_ps=%lu p50_ns=%lu p99_ns=%lu "
		"p999_ns=%lu\n",
		text, segment->number, segment->operations, segment->total_ns, segment->typical_ps,
		segment->p50_ns, segment->p99_ns, segment->p999_ns);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)line, bytes);
	if (samples)
		quantiles_line(segment->number);
}
