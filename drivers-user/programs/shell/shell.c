/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shell on the first serial line: terminal, prompt, dispatch. Without a serial line it waits
 * for one.
 */
#include "shell.h"

#include <abi/marker.h>
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/print.h>
#include <runtime/serial.h>
#include <runtime/startup.h>
#include <runtime/time.h>

#include "line.h"

#define PROMPT        "eft> "
#define OUTPUT_BYTES  2048
#define KEPT_KEYS     256
#define KEY_INTERRUPT 0x03
#define LOOK_SOON_NS  UINT64_C(10000000)  /* for a serial line, in the first seconds ... */
#define LOOK_LATER_NS UINT64_C(250000000) /* ... and later */
#define SOON_COUNT    500

static struct serial serial;
static bool serial_lost; /* nothing can be shown until another line is open */
static struct line line;
static char output[OUTPUT_BYTES];
static size_t output_bytes;
static uint8_t kept[KEPT_KEYS]; /* typed while a command ran */
static size_t kept_head, kept_tail;

void print_flush(void)
{
	if (output_bytes > 0 && !serial_lost)
		serial_lost = serial_write(&serial, output, output_bytes) != OK;
	output_bytes = 0;
}

static void show(const char *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++) {
		if (output_bytes == OUTPUT_BYTES)
			print_flush();
		output[output_bytes++] = bytes[i];
	}
}

void print(const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	for (const char *at = text; *at; at++) {
		if (*at == '\n')
			show("\r", 1);
		show(at, 1);
	}
}

bool interrupted(void)
{
	uint8_t key;
	bool found = false;

	while (!serial_lost && !found) {
		enum error error = serial_read(&serial, DEADLINE_NOW, &key);

		if (error == ERR_TIMEOUT || error == ERR_AGAIN)
			break;
		serial_lost = error != OK;
		if (error == OK && key == KEY_INTERRUPT)
			found = true;
		else if (error == OK && kept_tail - kept_head < KEPT_KEYS)
			kept[kept_tail++ % KEPT_KEYS] = key;
	}
	return found || serial_lost;
}

static bool read_key(uint8_t *key)
{
	if (kept_head != kept_tail) {
		*key = kept[kept_head++ % KEPT_KEYS];
		return true;
	}
	print_flush();
	if (!serial_lost)
		serial_lost = serial_read(&serial, DEADLINE_NEVER, key) != OK;
	return !serial_lost;
}

/* --- Commands: finding, completing, running --- */

static void run_help(int argc, char **argv);

static const char *complete_command(unsigned index)
{
	const struct command *command = command_at(index);

	return command ? command->name : NULL;
}

static const char *complete_help(int word, char **words, unsigned index)
{
	(void)words;
	return word == 1 ? complete_command(index) : NULL;
}

static void run_repeat(int argc, char **argv)
{
	const struct command *command = argc > 2 ? command_find(argv[2]) : NULL;
	uint64_t count;

	if (argc < 3)
		return print_usage(argv[0]);
	if (!number_argument("repeat", argv[1], &count))
		return;
	if (!command)
		print("repeat: there is no command '%s'; `help` lists them all\n", argv[2]);
	for (uint64_t i = 0; command && i < count && !interrupted(); i++) {
		char *words[SHELL_WORDS_MAX + 1]; /* commands may change theirs */

		memcpy(words, argv + 2, (size_t)(argc - 1) * sizeof(*argv));
		command->run(argc - 2, words);
		print_flush();
	}
}

static const struct command own_commands[] = {
	{ "help", "[COMMAND]", "list commands, or explain one", run_help, complete_help },
	{ "repeat", "COUNT COMMAND [ARGUMENTS]", "run a command again and again; ^C stops it",
	  run_repeat, NULL },
	{ 0 },
};

static const struct command *const all_commands[] = { own_commands,      device_commands,
						      disk_commands,     net_commands,
						      watchdog_commands, system_commands };

const struct command *command_at(unsigned index)
{
	for (unsigned i = 0; i < sizeof(all_commands) / sizeof(all_commands[0]); i++)
		for (const struct command *command = all_commands[i]; command->name; command++)
			if (index-- == 0)
				return command;
	return NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (unsigned i = 0; (command = command_at(i)); i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

void print_usage(const char *name)
{
	const struct command *command = command_find(name);

	print("usage: %s %s\n", name, command ? command->usage : "");
}

static void run_help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1) {
		command = command_find(argv[1]);
		if (command)
			print("%s %s\n  %s\n", command->name, command->usage, command->help);
		else
			print("help: there is no command '%s'; `help` lists them all\n", argv[1]);
		return;
	}
	for (unsigned i = 0; (command = command_at(i)); i++)
		print("  %-9s %s\n", command->name, command->help);
	print("Tab completes, up and down walk through history, ^C stops a command.\n");
}

/* Splits in place at spaces; "double quotes" keep a word together. */
static int split_words(char *text, char **words)
{
	int count = 0;

	while (count < SHELL_WORDS_MAX) {
		while (*text == ' ')
			text++;
		if (*text == 0)
			break;
		char end = *text == '"' ? '"' : ' ';

		text += end == '"';
		words[count++] = text;
		while (*text && *text != end)
			text++;
		if (*text)
			*text++ = 0;
	}
	return count;
}

static const char *complete(const char *text, size_t start, unsigned index)
{
	static char before[LINE_BYTES];
	char *words[SHELL_WORDS_MAX];
	const struct command *command;
	int count;

	string_copy(before, sizeof(before), text);
	before[start] = 0;
	count = split_words(before, words);
	if (count == 0)
		return complete_command(index);
	command = command_find(words[0]);
	return command && command->complete ? command->complete(count, words, index) : NULL;
}

/* Insertions, deletions and replacements that turn one word into the other. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32], length = (unsigned)strlen(b);

	if (length >= 32)
		return 32;
	for (unsigned i = 0; i <= length; i++)
		row[i] = i;
	for (; *a; a++) {
		unsigned diagonal = row[0]++;

		for (unsigned i = 0; i < length; i++) {
			unsigned best = diagonal + (*a != b[i]);

			diagonal = row[i + 1];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[i + 1] = best;
		}
	}
	return row[length];
}

static void print_unknown(const char *name)
{
	const char *best = NULL;
	unsigned least = 3;
	const struct command *command;

	for (unsigned i = 0; (command = command_at(i)); i++) {
		unsigned this = distance(name, command->name);

		if (strlen(name) > 1 && string_starts(command->name, name))
			this = 0;
		if (this < least) {
			least = this;
			best = command->name;
		}
	}
	print("there is no command '%s'; ", name);
	if (best)
		print("did you mean `%s`?\n", best);
	else
		print("`help` lists them all\n");
}

static void run_line(const char *text)
{
	static char copy[LINE_BYTES];
	static char *words[SHELL_WORDS_MAX + 1];
	const struct command *command;
	int count;

	string_copy(copy, sizeof(copy), text);
	count = split_words(copy, words);
	words[count] = NULL;
	if (count == 0)
		return;
	command = command_find(words[0]);
	if (command)
		command->run(count, words);
	else
		print_unknown(words[0]);
}

/* --- The terminal --- */

static void open_serial(void)
{
	for (unsigned looks = 0;; looks++) {
		enum error error = serial_open(&serial);

		if (error == OK)
			break;
		if (looks == SOON_COUNT)
			log_line(LOG_WARNING,
				 "shell: no serial line to talk on (%s); waiting for one, see "
				 "`uart=` on the command line",
				 error_text(error));
		sleep_until(now_ns() + (looks < SOON_COUNT ? LOOK_SOON_NS : LOOK_LATER_NS));
	}
	serial_lost = false;
	output_bytes = 0;
}

int main(void)
{
	static const struct line_host host = { show, complete };
	bool stamped = false;
	uint8_t key;

	line_init(&line, &host, PROMPT);
	for (;;) {
		open_serial();
		print("\nEft. `help` lists the commands.\n");
		print_log_summary();
		if (!stamped)
			MARKER(MARKER_POINT_PROMPT);
		stamped = true;
		line_start(&line);
		while (read_key(&key)) {
			enum line_result result = line_input(&line, key);

			if (result == LINE_MORE)
				continue;
			if (result == LINE_DONE)
				run_line(line_text(&line));
			line_start(&line);
		}
		log_line(LOG_WARNING, "shell: the serial line is gone; looking for another");
		serial_close(&serial);
	}
}
