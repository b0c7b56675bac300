/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim contract on the host: one driver, one simulated device, virtual time.
 *
 * How to use: fake_create() with the driver, fake_window() for each register window of the
 * simulated device, fake_start() to probe; fake_run() delivers what is pending, fake_advance() lets
 * time pass. What the driver must never do (overlapping calls, foreign registers, unknown tags) is
 * counted as a violation; fake_destroy() fails the test if there was one.
 */
#ifndef FAKE_H
#define FAKE_H

#include <shim/class/block.h>
#include <shim/class/bus.h>
#include <shim/class/net.h>
#include <shim/class/serial.h>
#include <shim/class/watchdog.h>
#include <shim/driver.h>
#include <shim/irq.h>
#include <shim/log.h>
#include <shim/time.h>

#define FAKE_TIMERS_MAX   64
#define FAKE_REGIONS_MAX  320
#define FAKE_UNITS_MAX    32
#define FAKE_REQUESTS_MAX 256
#define FAKE_CHILDREN_MAX 64
#define FAKE_SERIAL_BYTES 4096
#define FAKE_NET_REQUESTS 512
#define FAKE_NET_BYTES    8192
#define FAKE_NET_QUEUES   2

/* Register functions of a simulated device. */
typedef uint64_t fake_read_t(void *context, uint32_t offset, unsigned bits);
typedef void fake_write_t(void *context, uint32_t offset, unsigned bits, uint64_t value);

struct fake_window {
	fake_read_t *read;
	fake_write_t *write;
	void *context;
	bool mapped;
};

/* Configuration space and base address registers, as a test of a bus driver gives them. */
struct fake_bus {
	enum error (*config_read)(void *context, uint64_t function, unsigned offset, unsigned width,
				  uint32_t *value);
	enum error (*config_write)(void *context, uint64_t function, unsigned offset,
				   unsigned width, uint32_t value);
	enum error (*bar_size)(void *context, uint64_t function, unsigned bar,
			       struct device_window *window);
	enum error (*bar_assign)(void *context, uint64_t function, unsigned bar, uint64_t base);
	void *context;
	uint64_t child[FAKE_CHILDREN_MAX]; /* announced and not removed */
	unsigned child_count;
	unsigned removals;
	bool held; /* drivers do not let go of what was removed */
};

/* Memory that the simulated device reaches at iova. */
struct fake_region {
	uint8_t *cpu;
	uint64_t iova;
	uint64_t size_bytes;
};

/* One block request of the test. */
struct fake_request {
	struct shim_block_request request;
	uint8_t *data; /* CPU view of it; NULL without data */
	unsigned queue;
	enum { FAKE_FREE, FAKE_WAITING, FAKE_TAKEN, FAKE_DONE } state;
	enum error error;
	unsigned completions;
	uint64_t order; /* of completion, from 1 */
};

struct fake_unit {
	bool present;
	struct unit_info info;
	unsigned in_flight;
};

struct fake_serial {
	uint8_t out[FAKE_SERIAL_BYTES]; /* bytes that wait to be sent */
	size_t out_head, out_tail;
	uint8_t in[FAKE_SERIAL_BYTES]; /* bytes received */
	size_t in_count, in_limit;
};

/* One buffer or frame of the test. */
struct fake_net_request {
	struct shim_net_request request;
	enum error error; /* ERR_AGAIN: not completed */
	uint32_t count;   /* of the completion */
};

/* Free-running counts; requests are in a ring. */
struct fake_net_queue {
	struct fake_net_request request[FAKE_NET_REQUESTS];
	unsigned queued, taken, done;
	uint8_t *pool; /* FAKE_NET_BYTES of each request */
	uint64_t iova;
};

/* Calls that can be made to fail. */
enum fake_call {
	FAKE_WINDOW_MAP,
	FAKE_DMA_ALLOCATE,
	FAKE_INTERRUPT_ENABLE,
	FAKE_UNIT_ADD,
	FAKE_CHILD_ADD,
	FAKE_CALLS
};

struct fake {
	struct shim_device device; /* first: a shim call finds its fake by it */
	struct device_info info;
	const struct shim_driver *driver;
	bool in_call; /* a method of the driver runs */

	struct fake_window window[DEVICE_WINDOW_MAX];
	uint64_t reads, writes; /* register accesses so far */
	unsigned strays;        /* register accesses outside of all windows, violations too */

	struct fake_region region[FAKE_REGIONS_MAX];
	unsigned region_count;
	uint64_t next_iova;
	bool dma_enabled;

	uint64_t now_ns;
	uint64_t timer_ns[FAKE_TIMERS_MAX]; /* UINT64_MAX: not armed */
	uint64_t timer_sets;

	unsigned vectors;           /* granted */
	unsigned vectors_max;       /* the device has so many */
	uint32_t vectors_pending;   /* raised and not delivered */
	unsigned vectors_unclaimed; /* deliveries that the driver called not its own */
	/* Lets the simulated device work between two calls of the driver; true: it did something.
	 */
	bool (*work)(void *context);
	void *work_context;

	bool probe_pending, probe_done;
	enum error probe_error;
	bool quiesce_done;
	enum error quiesce_error;

	struct fake_unit unit[FAKE_UNITS_MAX];
	struct fake_request request[FAKE_REQUESTS_MAX];
	unsigned request_count;
	uint64_t completed;
	struct fake_serial serial[FAKE_UNITS_MAX];
	struct fake_bus bus;
	struct fake_net_queue net[FAKE_NET_QUEUES];
	unsigned net_announced; /* calls of shim_net_unit_add() */
	uint64_t net_counter[NET_COUNTERS];

	unsigned fail_after[FAKE_CALLS]; /* 1: the next call fails; 0: none does */
	enum error fail_error[FAKE_CALLS];
	unsigned calls[FAKE_CALLS];

	char *log; /* all lines, each "level text\n" */
	size_t log_bytes;
	unsigned violations;
	char violation[128]; /* the last one */
};

/* driver.c: life of the fake and of the driver in it. */

/** A device without windows, driven by `driver`, at time 0. */
struct fake *fake_create(const struct shim_driver *driver);
/** Free all; fails the test if the driver broke the contract. */
void fake_destroy(struct fake *fake);
/** Probe. Returns what probe did, or what it said later if fake_run() was enough. */
enum error fake_start(struct fake *fake);
/** A new instance over the same state block and buffers; `keep_state` as a hot move does. */
void fake_restart(struct fake *fake, bool keep_state);
/** Ask the driver to quiesce. */
void fake_quiesce(struct fake *fake);
/** Tell the driver that the device is gone. */
void fake_remove(struct fake *fake);
/** Deliver interrupts and let the simulated device work until nothing is left to do. */
void fake_run(struct fake *fake);
/** Count a violation of the contract. */
__attribute__((format(printf, 2, 3))) void fake_violate(struct fake *fake, const char *format, ...);
/** Let the nth call from now of a kind fail; n = 0: none. */
void fake_fail(struct fake *fake, enum fake_call call, unsigned n, enum error error);
/** For the backend: count a call, and say whether it shall fail (OK: it shall not). */
enum error fake_failure(struct fake *fake, enum fake_call call);
/** Enter and leave a method of the driver; methods never overlap. */
void fake_enter(struct fake *fake);
void fake_leave(struct fake *fake);

static inline struct fake *fake_of(const struct shim_device *device)
{
	return (struct fake *)(uintptr_t)device;
}

/* io.c */

/** Give the device a register window. */
void fake_window(struct fake *fake, unsigned index, enum window_kind kind, uint64_t size_bytes,
		 fake_read_t *read, fake_write_t *write, void *context);

/* irq.c */

/** The simulated device raises vector `index`; fake_run() delivers it. */
void fake_interrupt(struct fake *fake, unsigned index);

/* dma.c */

/** Zeroed memory for both sides; NULL if there is none. Freed with the fake. */
uint8_t *fake_memory(struct fake *fake, uint64_t size_bytes, uint64_t *iova);
/** What the simulated device finds at iova; NULL, and a violation, outside of all memory. */
void *fake_dma(struct fake *fake, uint64_t iova, uint64_t size_bytes);

/* time.c */

/** Let time pass: timers fire in order, the device works in between. */
void fake_advance(struct fake *fake, uint64_t ns);
/** Let time pass to the next armed timer; false if there is none. */
bool fake_advance_to_timer(struct fake *fake);

/* log.c */

bool fake_log_has(const struct fake *fake, const char *text);
unsigned fake_log_count(const struct fake *fake, const char *text);

/* block.c: the client of class block. Requests are named by the number that queueing returned. */

/** Queue a request without telling the driver. Data are zeroed and owned by the fake. */
unsigned fake_block_queue(struct fake *fake, unsigned unit, enum block_operation operation,
			  uint64_t position, uint32_t count, uint8_t flags);
/** Tell the driver that requests wait. */
void fake_block_kick(struct fake *fake, unsigned unit);
/** Both. */
unsigned fake_block_submit(struct fake *fake, unsigned unit, enum block_operation operation,
			   uint64_t position, uint32_t count, uint8_t flags);
uint8_t *fake_block_data(struct fake *fake, unsigned id);
bool fake_block_done(const struct fake *fake, unsigned id);
enum error fake_block_error(const struct fake *fake, unsigned id);
/** Forget all requests that are done. */
void fake_block_reset(struct fake *fake);
/** The announced unit, or NULL. */
const struct unit_info *fake_unit(const struct fake *fake, unsigned unit);
unsigned fake_unit_count(const struct fake *fake);
/** For the class files: announce and withdraw. */
enum error fake_unit_add(struct fake *fake, const struct unit_info *unit, uint8_t class_id);

/* net.c: the client of class net, unit 0. Requests are named by the number that queueing returned.
 */

/** Post a buffer, or queue a frame, without telling the driver. data: NULL is zeroes. */
unsigned fake_net_queue(struct fake *fake, unsigned queue, const void *data, uint32_t bytes,
			uint32_t flags, uint64_t offload);
/** Tell the driver that requests wait; that nobody wants its buffers. */
void fake_net_kick(struct fake *fake, unsigned queue);
void fake_net_cancel(struct fake *fake, unsigned queue);
enum error fake_net_control(struct fake *fake, enum net_operation operation, uint64_t value);
uint8_t *fake_net_data(struct fake *fake, unsigned queue, unsigned id);
const struct fake_net_request *fake_net_result(struct fake *fake, unsigned queue, unsigned id);
/** How many the driver has. */
unsigned fake_net_in_flight(struct fake *fake, unsigned queue);

/* serial.c: the client of class serial. */

/** Bytes wait to be sent; the driver's transmit method runs. */
void fake_serial_send(struct fake *fake, unsigned unit, const void *bytes, size_t size_bytes);
/** Bytes that were received and not read yet: moves up to size_bytes out, returns how many. */
size_t fake_serial_read(struct fake *fake, unsigned unit, void *bytes, size_t size_bytes);
/** How many bytes the driver has not taken yet. */
size_t fake_serial_waiting(const struct fake *fake, unsigned unit);

/* watchdog.c: the client of class watchdog. */

/** Start a timer: what the driver's method says; on OK *granted_ms is the time in force. */
enum error fake_watchdog_start(struct fake *fake, unsigned unit, uint64_t timeout_ms,
			       uint32_t *granted_ms);
void fake_watchdog_pet(struct fake *fake, unsigned unit);
enum error fake_watchdog_stop(struct fake *fake, unsigned unit);
bool fake_watchdog_running(struct fake *fake, unsigned unit);

#endif
