/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A line editor for a VT100-like terminal: bytes in, edited lines out, with history and completion.
 * Pure: what it shows goes to a function; unit-tested on the host. Text is bytes; UTF-8 sequences
 * are moved over and deleted as one character.
 */
#ifndef SHELL_LINE_H
#define SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES   256
#define LINE_HISTORY 128
#define LINE_COLUMNS 79 /* a longer line scrolls sideways */

enum line_result {
	LINE_MORE,     /* go on */
	LINE_DONE,     /* line_text() is the line; line_start() begins the next */
	LINE_CANCELLED /* ^C: likewise, and the line is empty */
};

/* What surrounds the editor. */
struct line_host {
	void (*show)(const char *bytes, size_t size_bytes);
	/* Completion number `index` of the word that begins at byte `start` of `text` and ends at
	 * its end; NULL after the last. Candidates need not begin with the word. */
	const char *(*complete)(const char *text, size_t start, unsigned index);
};

struct line {
	const struct line_host *host;
	const char *prompt;
	size_t length, cursor;  /* bytes */
	size_t scroll;          /* first byte that is shown */
	uint8_t escape;         /* state of an escape sequence */
	uint8_t parameter;      /* its number */
	uint8_t after_cr;       /* a line feed that follows belongs to it */
	uint32_t history_count; /* lines ever added */
	uint32_t history_at;    /* lines back from the end; 0: the line being typed */
	char text[LINE_BYTES];  /* zero-terminated */
	char typed[LINE_BYTES]; /* the line being typed, while history is shown */
	char history[LINE_HISTORY][LINE_BYTES];
};

/** Set up an editor. The prompt has no escape sequences. */
void line_init(struct line *line, const struct line_host *host, const char *prompt);

/** Begin a line: show the prompt. */
void line_start(struct line *line);

/** Take one byte from the terminal. */
enum line_result line_input(struct line *line, uint8_t byte);

/** Show prompt and text again, after something else was printed. */
void line_redraw(struct line *line);

static inline const char *line_text(const struct line *line)
{
	return line->text;
}

#endif
