/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's command line: words, separated by spaces, KEY=VALUE or KEY. Quotes do not exist.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/device.h>
#include <abi/error.h>
#include <abi/log.h>

#define CMDLINE_DRIVER_MAX 64
#define CMDLINE_RUN_BYTES  256
#define CMDLINE_CPU_MAX    64

/* A driver of this build and where it goes; the command line changes `placement`. */
struct cmdline_driver {
	char name[DRIVER_NAME_BYTES];
	uint8_t placement_default; /* enum placement */
	uint8_t placement;
	bool in_kernel;   /* ring 0 carries its code: kernel placement is possible */
	uint8_t class_id; /* enum device_class */
};

struct cmdline {
	enum log_level log_level;
	bool idle_poll;
	unsigned cpu_max;            /* 1 .. CMDLINE_CPU_MAX */
	char run[CMDLINE_RUN_BYTES]; /* run=PROGRAM,ARG,...: "" if not given */
	struct cmdline_driver driver[CMDLINE_DRIVER_MAX];
	unsigned driver_count;
};

/** Where complaints go, one line each. */
typedef void (*cmdline_warn_fn)(const char *line);

/** Read a command line.
 *
 * @param text          zero-terminated
 * @param[in,out] line  log_level, idle_poll, cpu_max, run and the drivers hold the defaults; what
 * the text says replaces them. Unknown words, drivers and values are warned of and ignored.
 */
void cmdline_parse(const char *text, struct cmdline *line, cmdline_warn_fn warn);

/** Placement in force for a driver; PLACEMENT_OFF if the build does not know it. */
enum placement cmdline_placement(const struct cmdline *line, const char *driver);

/** The command line of this boot; the drivers are PLACEMENT_TABLE's. Valid after cmdline_init(). */
extern struct cmdline cmdline;

/** Fill `cmdline` from boot_info and the build's placement table; log what is odd. Context: boot.
 */
void cmdline_init(void);

#endif
