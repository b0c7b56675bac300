/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys by chance into the shell's line editor: the line stays one, the cursor in it, and nothing
 * but text and the sequences it knows goes to the screen.
 */
/* sources: drivers-user/programs/shell/line.c shim/lib/text.c */
#include "../../drivers-user/programs/shell/line.h"
#include "fuzz.h"

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const char *const seeds[] = {
		"disk list\r\033[A\033[D\033[D\x7f\x01x\x05\r",
		"d\t\tri\t\033[3~\033[H\033[F\x0b\x15\x17\x0c\r\n\033OA\033[B\x03",
		"echo \xc3\xa4\xe2\x82\xac a line that is longer than the screen, so that it is "
		"shifted\033[1~\033[C\r",
	};

	if (number == sizeof(seeds) / sizeof(seeds[0])) {
		memset(bytes, 'x', 2 * LINE_BYTES); /* more than a line holds */
		return 2 * LINE_BYTES;
	}
	if (number > sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	memcpy(bytes, seeds[number], strlen(seeds[number]));
	return strlen(seeds[number]);
}

static void show(const char *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		FUZZ_CHECK((uint8_t)bytes[i] >= ' ' ? bytes[i] != 0x7f
						    : bytes[i] && strchr("\r\n\b\a\033", bytes[i]));
}

static const char *complete(const char *text, size_t start, unsigned index)
{
	static const char *const words[] = { "devices", "drivers", "disk", "a\033[31mtrap", NULL };

	FUZZ_CHECK(start <= strlen(text));
	return words[index];
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	static const struct line_host host = { show, complete };
	struct line *line = malloc(sizeof(*line));

	line_init(line, &host, "eft> ");
	line_start(line);
	for (size_t i = 0; i < size_bytes; i++) {
		enum line_result result = line_input(line, bytes[i]);

		FUZZ_CHECK(line->length < LINE_BYTES && line->text[line->length] == 0);
		FUZZ_CHECK(strlen(line->text) == line->length);
		FUZZ_CHECK(line->cursor <= line->length && line->scroll <= line->length);
		if (result == LINE_CANCELLED)
			FUZZ_CHECK(line_text(line)[0] == 0);
		if (result != LINE_MORE)
			line_start(line);
	}
	free(line);
}
