/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The line editor. See line.h.
 */
#include "line.h"

#include <lib/string.h>

enum { ESCAPE_NONE, ESCAPE_SEEN, ESCAPE_BRACKET, ESCAPE_O };

#define CONTROL(letter) ((letter)&0x1f)
#define KEY_ESCAPE      0x1b
#define KEY_DELETE      0x7f

static void show(const struct line *line, const char *text)
{
	line->host->show(text, strlen(text));
}

void line_init(struct line *line, const struct line_host *host, const char *prompt)
{
	memset(line, 0, sizeof(*line));
	line->host = host;
	line->prompt = prompt;
}

/* Whether a byte begins a character (as opposed to going on with one). */
static bool begins_character(char byte)
{
	return ((uint8_t)byte & 0xc0) != 0x80;
}

static size_t columns(const char *text, size_t bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += begins_character(text[i]);
	return count;
}

static size_t next_character(const struct line *line, size_t at)
{
	if (at < line->length)
		at++;
	while (at < line->length && !begins_character(line->text[at]))
		at++;
	return at;
}

static size_t previous_character(const struct line *line, size_t at)
{
	if (at > 0)
		at--;
	while (at > 0 && !begins_character(line->text[at]))
		at--;
	return at;
}

void line_redraw(struct line *line)
{
	size_t room = LINE_COLUMNS - strlen(line->prompt), end;

	if (line->cursor < line->scroll)
		line->scroll = line->cursor;
	while (columns(line->text + line->scroll, line->cursor - line->scroll) >= room)
		line->scroll = next_character(line, line->scroll);
	end = line->scroll;
	for (size_t shown = 0; shown < room && end < line->length; shown++)
		end = next_character(line, end);
	show(line, "\r");
	show(line, line->prompt);
	line->host->show(line->text + line->scroll, end - line->scroll);
	show(line, "\x1b[K");
	for (size_t i = columns(line->text + line->cursor, end - line->cursor); i > 0; i--)
		show(line, "\b");
}

void line_start(struct line *line)
{
	line->length = line->cursor = line->scroll = 0;
	line->text[0] = 0;
	line->history_at = 0;
	show(line, line->prompt);
}

static void insert(struct line *line, const char *bytes, size_t count)
{
	bool at_end = line->cursor == line->length;

	if (count > LINE_BYTES - 1 - line->length) {
		show(line, "\a");
		return;
	}
	memmove(line->text + line->cursor + count, line->text + line->cursor,
		line->length - line->cursor + 1);
	memcpy(line->text + line->cursor, bytes, count);
	line->length += count;
	line->cursor += count;
	if (at_end && columns(line->text, line->length) + strlen(line->prompt) < LINE_COLUMNS)
		line->host->show(bytes, count);
	else
		line_redraw(line);
}

static void erase(struct line *line, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(line->text + from, line->text + to, line->length - to + 1);
	line->length -= to - from;
	line->cursor = from;
	line_redraw(line);
}

static void move_to(struct line *line, size_t cursor)
{
	if (cursor == line->cursor)
		return;
	line->cursor = cursor;
	line_redraw(line);
}

/* Start of the word before the cursor, spaces between skipped. */
static size_t word_start(const struct line *line)
{
	size_t at = line->cursor;

	while (at > 0 && line->text[at - 1] == ' ')
		at--;
	while (at > 0 && line->text[at - 1] != ' ')
		at--;
	return at;
}

static void set_text(struct line *line, const char *text)
{
	string_copy(line->text, sizeof(line->text), text);
	line->length = line->cursor = strlen(line->text);
	line->scroll = 0;
	line_redraw(line);
}

static void history_add(struct line *line)
{
	uint32_t count = line->history_count;

	if (line->length == 0 ||
	    (count && strcmp(line->history[(count - 1) % LINE_HISTORY], line->text) == 0))
		return;
	string_copy(line->history[count % LINE_HISTORY], LINE_BYTES, line->text);
	line->history_count++;
}

static void history_show(struct line *line, uint32_t back)
{
	uint32_t most = line->history_count < LINE_HISTORY ? line->history_count : LINE_HISTORY;

	if (back > most)
		return;
	if (line->history_at == 0)
		string_copy(line->typed, sizeof(line->typed), line->text);
	line->history_at = back;
	set_text(line, back == 0 ? line->typed
				 : line->history[(line->history_count - back) % LINE_HISTORY]);
}

static void history_newer(struct line *line)
{
	if (line->history_at > 0)
		history_show(line, line->history_at - 1);
}

/* Length of the longest text that all matching candidates begin with; counts them. */
static size_t common_start(const struct line *line, size_t start, const char **first,
			   unsigned *matches)
{
	size_t typed = line->cursor - start, common = 0;
	const char *candidate;

	*matches = 0;
	for (unsigned i = 0; (candidate = line->host->complete(line->text, start, i)); i++) {
		if (strncmp(candidate, line->text + start, typed) != 0)
			continue;
		if ((*matches)++ == 0) {
			*first = candidate;
			common = strlen(candidate);
		}
		for (size_t k = typed; k < common; k++)
			if (candidate[k] != (*first)[k])
				common = k;
	}
	return common;
}

static void list_matches(struct line *line, size_t start)
{
	size_t typed = line->cursor - start;
	const char *candidate;

	show(line, "\r\n");
	for (unsigned i = 0; (candidate = line->host->complete(line->text, start, i)); i++) {
		if (strncmp(candidate, line->text + start, typed) != 0)
			continue;
		show(line, candidate);
		show(line, "  ");
	}
	show(line, "\r\n");
	line_redraw(line);
}

/* Candidates stay valid while one completion is worked out. */
static void complete(struct line *line)
{
	size_t start = line->cursor, common, typed;
	const char *first = NULL;
	unsigned matches;

	while (start > 0 && line->text[start - 1] != ' ')
		start--;
	typed = line->cursor - start;
	common = common_start(line, start, &first, &matches);
	if (matches == 0)
		show(line, "\a");
	else if (common > typed || matches == 1)
		insert(line, first + typed, common - typed);
	else
		list_matches(line, start);
	if (matches == 1)
		insert(line, " ", 1);
}

static void final_byte(struct line *line, uint8_t byte)
{
	switch (byte) {
	case 'A':
		return history_show(line, line->history_at + 1);
	case 'B':
		return history_newer(line);
	case 'C':
		return move_to(line, next_character(line, line->cursor));
	case 'D':
		return move_to(line, previous_character(line, line->cursor));
	case 'H':
		return move_to(line, 0);
	case 'F':
		return move_to(line, line->length);
	case '~':
		if (line->parameter == 1 || line->parameter == 7)
			move_to(line, 0);
		else if (line->parameter == 4 || line->parameter == 8)
			move_to(line, line->length);
		else if (line->parameter == 3)
			erase(line, line->cursor, next_character(line, line->cursor));
	}
}

/* One byte of an escape sequence: ESC [ number final, or ESC O final. */
static void escape_byte(struct line *line, uint8_t byte)
{
	if (line->escape == ESCAPE_SEEN) {
		line->parameter = 0;
		line->escape = byte == '[' ? ESCAPE_BRACKET : byte == 'O' ? ESCAPE_O : ESCAPE_NONE;
	} else if (line->escape == ESCAPE_BRACKET && byte >= '0' && byte <= '9') {
		line->parameter = (uint8_t)(line->parameter * 10 + byte - '0');
	} else if (byte >= 0x40 && byte < 0x7f) {
		line->escape = ESCAPE_NONE;
		final_byte(line, byte);
	}
}

static enum line_result finish(struct line *line, enum line_result result)
{
	if (result == LINE_CANCELLED) {
		show(line, "^C");
		line->length = line->cursor = line->scroll = 0;
		line->text[0] = 0;
	}
	show(line, "\r\n");
	history_add(line);
	return result;
}

static void control_key(struct line *line, uint8_t byte)
{
	switch (byte) {
	case CONTROL('A'):
		return move_to(line, 0);
	case CONTROL('E'):
		return move_to(line, line->length);
	case CONTROL('B'):
		return move_to(line, previous_character(line, line->cursor));
	case CONTROL('F'):
		return move_to(line, next_character(line, line->cursor));
	case CONTROL('P'):
		return history_show(line, line->history_at + 1);
	case CONTROL('N'):
		return history_newer(line);
	case CONTROL('D'):
		return erase(line, line->cursor, next_character(line, line->cursor));
	case CONTROL('H'):
	case KEY_DELETE:
		return erase(line, previous_character(line, line->cursor), line->cursor);
	case CONTROL('K'):
		return erase(line, line->cursor, line->length);
	case CONTROL('U'):
		return erase(line, 0, line->cursor);
	case CONTROL('W'):
		return erase(line, word_start(line), line->cursor);
	case CONTROL('L'):
		show(line, "\x1b[2J\x1b[H");
		return line_redraw(line);
	case CONTROL('I'):
		return complete(line);
	}
}

enum line_result line_input(struct line *line, uint8_t byte)
{
	bool after_cr = line->after_cr;

	line->after_cr = byte == '\r';
	if (line->escape != ESCAPE_NONE) {
		escape_byte(line, byte);
		return LINE_MORE;
	}
	if (byte == KEY_ESCAPE)
		line->escape = ESCAPE_SEEN;
	else if (byte == '\r' || (byte == '\n' && !after_cr))
		return finish(line, LINE_DONE);
	else if (byte == CONTROL('C'))
		return finish(line, LINE_CANCELLED);
	else if (byte < ' ' || byte == KEY_DELETE)
		control_key(line, byte);
	else
		insert(line, (const char *)&byte, 1);
	return LINE_MORE;
}
