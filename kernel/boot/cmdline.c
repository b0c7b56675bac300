/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line's words. Touches nothing but its arguments: tests/unit runs it on the host.
 */
#include <kernel/cmdline.h>

#include <lib/format.h>
#include <lib/string.h>

#define WORD_BYTES 300

static const char *const level_name[LOG_LEVEL_COUNT] = { "panic",  "error", "warning",
							 "notice", "info",  "debug" };
static const char *const placement_name[] = { "off", "kernel", "user" };

__attribute__((format(printf, 2, 3))) static void warn_of(cmdline_warn_fn warn, const char *format,
							  ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	warn(text);
}

/* Index of a text in a list, or `count`. */
static unsigned index_of(const char *text, const char *const *list, unsigned count)
{
	unsigned i = 0;

	while (i < count && strcmp(text, list[i]))
		i++;
	return i;
}

static bool read_number(const char *text, uint64_t lowest, uint64_t highest, uint64_t *value)
{
	uint64_t number;
	const char *end = string_to_u64(text, &number);

	if (!end || *end || number < lowest || number > highest)
		return false;
	*value = number;
	return true;
}

static void set_log_level(const char *value, struct cmdline *line, cmdline_warn_fn warn)
{
	uint64_t level = index_of(value, level_name, LOG_LEVEL_COUNT);

	if (level < LOG_LEVEL_COUNT || read_number(value, 0, LOG_LEVEL_COUNT - 1, &level))
		line->log_level = (enum log_level)level;
	else
		warn_of(warn,
			"command line: loglevel=%.32s: expected panic, error, warning, notice, "
			"info, debug or 0 to 5",
			value);
}

static void set_idle(const char *value, struct cmdline *line, cmdline_warn_fn warn)
{
	if (!strcmp(value, "poll"))
		line->idle_poll = true;
	else if (!strcmp(value, "halt"))
		line->idle_poll = false;
	else
		warn_of(warn, "command line: idle=%.32s: expected poll or halt", value);
}

static void set_cpu_max(const char *value, struct cmdline *line, cmdline_warn_fn warn)
{
	uint64_t count;

	if (read_number(value, 1, CMDLINE_CPU_MAX, &count))
		line->cpu_max = (unsigned)count;
	else
		warn_of(warn, "command line: maxcpus=%.32s: expected 1 to %u", value,
			CMDLINE_CPU_MAX);
}

static void set_run(const char *value, struct cmdline *line, cmdline_warn_fn warn)
{
	if (!*value || strlen(value) >= sizeof(line->run))
		warn_of(warn,
			"command line: run=%.32s: expected PROGRAM[,ARGUMENT...], at most %u bytes",
			value, CMDLINE_RUN_BYTES - 1);
	else
		string_copy(line->run, sizeof(line->run), value);
}

static const struct {
	const char *key;
	void (*set)(const char *value, struct cmdline *line, cmdline_warn_fn warn);
} options[] = {
	{ "loglevel", set_log_level },
	{ "idle", set_idle },
	{ "maxcpus", set_cpu_max },
	{ "run", set_run },
};

static struct cmdline_driver *find_driver(struct cmdline *line, const char *name)
{
	for (unsigned i = 0; i < line->driver_count; i++)
		if (!strncmp(line->driver[i].name, name, DRIVER_NAME_BYTES))
			return &line->driver[i];
	return NULL;
}

static void place_driver(struct cmdline_driver *driver, const char *value, cmdline_warn_fn warn)
{
	unsigned placement = index_of(value, placement_name, 3);

	if (placement == 3)
		warn_of(warn, "command line: %.16s=%.32s: expected kernel, user or off",
			driver->name, value);
	else if (placement == PLACEMENT_KERNEL && !driver->in_kernel)
		warn_of(warn,
			"command line: %.16s=kernel: this kernel has no code of it; configure it "
			"as y, or MOVABLE_DRIVERS",
			driver->name);
	else
		driver->placement = (uint8_t)placement;
}

static void read_word(char *word, struct cmdline *line, cmdline_warn_fn warn)
{
	char *value = strchr(word, '=');
	struct cmdline_driver *driver;

	if (!value) {
		warn_of(warn, "command line: unknown word %.40s", word);
		return;
	}
	*value++ = 0;
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(word, options[i].key)) {
			options[i].set(value, line, warn);
			return;
		}
	driver = find_driver(line, word);
	if (driver)
		place_driver(driver, value, warn);
	else if (index_of(value, placement_name, 3) < 3)
		warn_of(warn, "command line: %.40s=%s: this build has no such driver", word, value);
	else
		warn_of(warn, "command line: unknown word %.40s=%.32s", word, value);
}

void cmdline_parse(const char *text, struct cmdline *line, cmdline_warn_fn warn)
{
	while (*text) {
		char word[WORD_BYTES];
		size_t length = 0;

		while (*text == ' ' || *text == '\t')
			text++;
		while (text[length] && text[length] != ' ' && text[length] != '\t')
			length++;
		if (length >= sizeof(word)) {
			warn_of(warn, "command line: a word of %zu bytes is too long: %.40s",
				length, text);
		} else if (length) {
			memcpy(word, text, length);
			word[length] = 0;
			read_word(word, line, warn);
		}
		text += length;
	}
}

enum placement cmdline_placement(const struct cmdline *line, const char *driver)
{
	for (unsigned i = 0; i < line->driver_count; i++)
		if (!strncmp(line->driver[i].name, driver, DRIVER_NAME_BYTES))
			return (enum placement)line->driver[i].placement;
	return PLACEMENT_OFF;
}
