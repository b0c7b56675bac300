/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The log ring and its consoles. One lock of its own, so that it works in any context; a panic
 * breaks it.
 */
#include <kernel/early.h>
#include <kernel/log.h>
#include <kernel/time.h>

#include <lib/format.h>
#include <lib/string.h>

static struct log_record ring[LOG_RECORD_COUNT];
static uint64_t next_sequence;
static unsigned lock_word;
static bool panicking;
static bool serial_present, serial_owned;
static enum log_level console_level = LOG_INFO;
static unsigned (*cpu_index_fn)(void);

static void lock(void)
{
	while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&panicking, __ATOMIC_RELAXED))
		__builtin_ia32_pause();
}

static void unlock(void)
{
	__atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

void log_init(void)
{
	debugcon_init();
	serial_present = serial_init();
	serial_owned = serial_present;
}

void log_set_console_level(enum log_level level)
{
	console_level = level;
}

void log_set_cpu_index(unsigned (*cpu_index)(void))
{
	cpu_index_fn = cpu_index;
}

/* Text of unknown origin must not steer a terminal. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = *text == '\t' ? ' ' : '.';
}

static void write_consoles(const struct log_record *record)
{
	char line[LOG_LINE_BYTES + 24];
	int length = snprintf(
		line, sizeof(line), "[%5u.%06u] %s\n", (unsigned)(record->time_ns / NS_PER_SECOND),
		(unsigned)(record->time_ns % NS_PER_SECOND / NS_PER_MICROSECOND), record->text);

	debugcon_write(line, (size_t)length);
	if (serial_owned && record->level <= console_level)
		serial_write(line, (size_t)length);
}

/* The record that will be next; its text is the caller's to fill. Locked. */
static struct log_record *begin(enum log_level level, unsigned pid)
{
	struct log_record *record = &ring[next_sequence % LOG_RECORD_COUNT];

	record->sequence = next_sequence;
	record->time_ns = time_now_ns();
	record->level = (uint8_t)level;
	record->cpu = cpu_index_fn ? (uint8_t)cpu_index_fn() : 0;
	record->pid = (uint16_t)pid;
	return record;
}

static void end(struct log_record *record)
{
	clean(record->text);
	record->length_bytes = (uint32_t)strlen(record->text);
	next_sequence++;
	write_consoles(record);
}

void log_write_arguments(enum log_level level, const char *format, va_list arguments)
{
	struct log_record *record;

	lock();
	record = begin(level, 0);
	vsnprintf(record->text, sizeof(record->text), format, arguments);
	end(record);
	unlock();
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write_arguments(level, format, arguments);
	va_end(arguments);
}

void log_write_pid(enum log_level level, unsigned pid, const char *text, size_t size_bytes)
{
	struct log_record *record;
	size_t length = strnlen(text, size_bytes);

	if (length && text[length - 1] == '\n')
		length--;
	if (length >= LOG_LINE_BYTES)
		length = LOG_LINE_BYTES - 1;
	lock();
	record = begin(level < LOG_LEVEL_COUNT ? level : LOG_INFO, pid);
	memcpy(record->text, text, length);
	record->text[length] = 0;
	end(record);
	unlock();
}

enum error log_read(uint64_t sequence, struct log_record *record)
{
	enum error error = ERR_AGAIN;

	lock();
	if (next_sequence > LOG_RECORD_COUNT && sequence < next_sequence - LOG_RECORD_COUNT)
		sequence = next_sequence - LOG_RECORD_COUNT;
	if (sequence < next_sequence) {
		*record = ring[sequence % LOG_RECORD_COUNT];
		error = OK;
	}
	unlock();
	return error;
}

void console_release(void)
{
	lock();
	if (serial_owned)
		serial_drain();
	serial_owned = false;
	unlock();
}

void console_seize(void)
{
	lock();
	if (serial_present && !serial_owned)
		serial_owned = serial_init();
	unlock();
}

bool console_owned(void)
{
	return serial_owned;
}

void console_debug_write(const char *text, size_t size_bytes)
{
	lock();
	debugcon_write(text, size_bytes);
	unlock();
}

void log_panic_begin(void)
{
	__atomic_store_n(&panicking, true, __ATOMIC_RELAXED);
	console_level = LOG_DEBUG;
	if (serial_present && !serial_owned)
		serial_owned = serial_init();
}
