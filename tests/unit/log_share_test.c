/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a process may write to the log: a heap at once, a trickle for ever, and no more by children.
 *
 * sources: kernel/log/share.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kernel/log.h>

#define SECOND  UINT64_C(1000000000)
#define LINE_NS (SECOND / LOG_LINES_PER_SECOND)

/* How many lines of one go through; it stops at the first that does not. */
static unsigned write_until_refused(struct log_share *share, uint64_t now_ns)
{
	unsigned lines = 0;

	while (lines < 100000 && log_share_take(share, 1, now_ns))
		lines++;
	return lines;
}

static void many_at_once_then_no_more(void **state)
{
	struct log_share share = { 0 };

	(void)state;
	assert_int_equal(write_until_refused(&share, SECOND), LOG_LINES_AT_ONCE);
	assert_false(log_share_take(&share, 1, SECOND));
	assert_false(log_share_take(&share, 1, SECOND + LINE_NS - 1));
	assert_int_equal(share.dropped, 3);
	assert_true(log_share_take(&share, 1, SECOND + LINE_NS));
}

static void for_ever_it_is_a_trickle(void **state)
{
	struct log_share share = { 0 };
	unsigned lines = write_until_refused(&share, SECOND);

	(void)state;
	for (uint64_t now_ns = SECOND; now_ns <= 11 * SECOND; now_ns += 100000)
		lines += log_share_take(&share, 1, now_ns);
	assert_in_range(lines, LOG_LINES_AT_ONCE + 10 * LOG_LINES_PER_SECOND - 1,
			LOG_LINES_AT_ONCE + 10 * LOG_LINES_PER_SECOND);
}

static void rest_brings_no_more_than_the_heap(void **state)
{
	struct log_share share = { 0 };

	(void)state;
	write_until_refused(&share, SECOND);
	assert_int_equal(write_until_refused(&share, 1000000 * SECOND), LOG_LINES_AT_ONCE);
}

static void report_goes_through_whole_and_is_paid_for(void **state)
{
	struct log_share share = { 0 };

	(void)state;
	for (unsigned i = 0; i < LOG_LINES_AT_ONCE - 1; i++)
		assert_true(log_share_take(&share, 1, SECOND));
	assert_true(log_share_take(&share, 16, SECOND));
	assert_false(log_share_take(&share, 1, SECOND + 15 * LINE_NS));
	assert_true(log_share_take(&share, 1, SECOND + 16 * LINE_NS));
}

static void child_speaks_at_the_expense_of_its_parent(void **state)
{
	struct log_share parent = { 0 }, child;

	(void)state;
	log_share_split(&parent, &child, SECOND);
	assert_int_equal(write_until_refused(&child, SECOND), LOG_LINES_OF_CHILD);
	assert_int_equal(write_until_refused(&parent, SECOND),
			 LOG_LINES_AT_ONCE - LOG_LINES_OF_CHILD);
}

/* Each is started, says what it may, and starts the next; or one starts them all. */
static void children_without_end_say_no_more_than_one(void **state)
{
	struct log_share parent = { 0 }, child, heir;
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		log_share_split(&parent, &child, SECOND);
		log_share_split(&child, &heir, SECOND);
		lines += write_until_refused(&heir, SECOND) + write_until_refused(&child, SECOND);
	}
	assert_int_equal(lines + write_until_refused(&parent, SECOND), LOG_LINES_AT_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_at_once_then_no_more),
		cmocka_unit_test(for_ever_it_is_a_trickle),
		cmocka_unit_test(rest_brings_no_more_than_the_heap),
		cmocka_unit_test(report_goes_through_whole_and_is_paid_for),
		cmocka_unit_test(child_speaks_at_the_expense_of_its_parent),
		cmocka_unit_test(children_without_end_say_no_more_than_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
