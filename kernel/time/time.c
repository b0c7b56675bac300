/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calibrating the time-stamp counter: against the HPET, else the ACPI timer, else the PIT.
 * Source: ACPI Specification 6.4 §4.8.2.1; HPET 1.0a §2.3; 82C54 datasheet (231244).
 */
#include <kernel/acpi.h>
#include <kernel/layout.h>
#include <kernel/log.h>
#include <kernel/mmio.h>
#include <kernel/port.h>
#include <kernel/time.h>

/* The finer the reference, the shorter the wait for some hundred parts in a million. */
#define CALIBRATION_FINE_NS   NS_PER_MILLISECOND
#define CALIBRATION_COARSE_NS (10 * NS_PER_MILLISECOND)
#define SAMPLE_TRIES          5

#define PM_TIMER_HZ 3579545u

#define HPET_CAPABILITIES 0x00 /* R  64 §2.3.4  period in fs above bit 32 */
#define HPET_CONFIG       0x10 /* RW 64 §2.3.5 */
#define HPET_COUNTER      0xf0 /* RW 64 §2.3.7 */
#define HPET_ENABLE       1u
#define HPET_PERIOD_MAX   100000000u /* fs */
#define FS_PER_SECOND     1000000000000000ull

#define PIT_HZ                1193182u
#define PIT_CHANNEL_2         0x42
#define PIT_COMMAND           0x43
#define PIT_CHANNEL_2_LSB_MSB 0xb0 /* mode 0 */
#define PIT_LATCH_2           0x80
#define PIT_GATE              0x61
#define PIT_GATE_2            1u
#define PIT_SPEAKER           2u

uint64_t tsc_mult, tsc_base, tsc_hz;

/* A counter of known rate, that counts up and wraps at a power of two. */
struct reference {
	const char *name;
	uint64_t hz;
	uint64_t mask;
	uint64_t window_ns;
	uint64_t (*read)(void);
};

static uint64_t pm_timer_read(void)
{
	return port_read32(acpi.pm_timer_port);
}

static void __iomem *hpet_register(unsigned offset)
{
	return (uint8_t __force __iomem *)phys_pointer(acpi.hpet_paddr) + offset;
}

static uint64_t hpet_read(void)
{
	return mmio_read32(hpet_register(HPET_COUNTER));
}

static uint64_t pit_read(void)
{
	uint8_t low;

	port_write8(PIT_COMMAND, PIT_LATCH_2);
	low = port_read8(PIT_CHANNEL_2);
	return (uint16_t) - (low | port_read8(PIT_CHANNEL_2) << 8);
}

static void pit_start(void)
{
	port_write8(PIT_GATE, (uint8_t)((port_read8(PIT_GATE) & ~PIT_SPEAKER) | PIT_GATE_2));
	port_write8(PIT_COMMAND, PIT_CHANNEL_2_LSB_MSB);
	port_write8(PIT_CHANNEL_2, 0);
	port_write8(PIT_CHANNEL_2, 0);
}

/* The HPET's rate; 0: it is not usable. */
static uint64_t hpet_start(void)
{
	uint32_t period_fs;

	if (!acpi.hpet_paddr || acpi.hpet_paddr > KERNEL_EARLY_BYTES - 0x400)
		return 0;
	period_fs = mmio_read32(hpet_register(HPET_CAPABILITIES + 4));
	if (!period_fs || period_fs > HPET_PERIOD_MAX)
		return 0;
	mmio_write32(hpet_register(HPET_CONFIG),
		     mmio_read32(hpet_register(HPET_CONFIG)) | HPET_ENABLE);
	return FS_PER_SECOND / period_fs;
}

static bool counts(const struct reference *reference)
{
	uint64_t first = reference->read();

	for (unsigned i = 0; i < 10000; i++)
		if (reference->read() != first)
			return true;
	return false;
}

/* The best reference that runs. */
static struct reference choose(void)
{
	struct reference hpet = { "HPET", hpet_start(), UINT32_MAX, CALIBRATION_FINE_NS,
				  hpet_read };
	struct reference pm_timer = { "ACPI timer", PM_TIMER_HZ,
				      acpi.pm_timer_32bit ? UINT32_MAX : 0xffffff,
				      CALIBRATION_COARSE_NS, pm_timer_read };

	if (hpet.hz && counts(&hpet))
		return hpet;
	if (acpi.pm_timer_port && counts(&pm_timer))
		return pm_timer;
	pit_start();
	return (struct reference){ "PIT", PIT_HZ, UINT16_MAX, CALIBRATION_COARSE_NS, pit_read };
}

/* Reads both counters at once, as closely as a few tries get. */
static void sample(const struct reference *reference, uint64_t *tsc, uint64_t *ticks)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = tsc_read(), now = reference->read(), after = tsc_read();

		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ticks = now;
		}
	}
}

void time_init(void)
{
	struct reference reference = choose();
	uint64_t wanted = reference.hz * reference.window_ns / NS_PER_SECOND;
	uint64_t tsc_start = 0, tsc_end = 0, start = 0, end = 0, elapsed;

	sample(&reference, &tsc_start, &start);
	/* A counter that stops must not stop the boot; 10 s of any processor are enough. */
	while (((reference.read() - start) & reference.mask) < wanted &&
	       tsc_read() - tsc_start < 100 * NS_PER_SECOND)
		__builtin_ia32_pause();
	sample(&reference, &tsc_end, &end);
	elapsed = (end - start) & reference.mask;
	/* 10^11 cycles at most, as waited for above, times 10^8 Hz: 64 bits hold it. */
	tsc_hz = elapsed ? (tsc_end - tsc_start) * reference.hz / elapsed : NS_PER_SECOND;
	tsc_mult = (NS_PER_SECOND << 32) / tsc_hz;
	log_info("time: TSC at %lu.%03lu MHz by the %s", tsc_hz / 1000000, tsc_hz / 1000 % 1000,
		 reference.name);
}

void time_delay_ns(uint64_t duration_ns)
{
	uint64_t start = tsc_read();

	if (!tsc_mult) {
		/* A write to the POST port takes about a microsecond. */
		for (; duration_ns >= NS_PER_MICROSECOND; duration_ns -= NS_PER_MICROSECOND)
			port_write8(0x80, 0);
		return;
	}
	while ((uint64_t)(((unsigned __int128)(tsc_read() - start) * tsc_mult) >> 32) < duration_ns)
		__builtin_ia32_pause();
}
