/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel timers and tasks (kernel/sched/timer.c): one heap a CPU, against a model.
 */
#include "kernel_host.h"

#include "../../kernel/sched/timer.c"

#define TIMERS 300

struct cpu *cpu_table[CPU_MAX];
unsigned cpu_count = 2;

static struct cpu cpus[2];
static uint64_t local_ns[2]; /* what the local timers are armed for; 0: nothing */
static size_t heap_held;
static bool no_memory;

void *kzalloc(size_t size_bytes)
{
	heap_held += no_memory ? 0 : size_bytes;
	return no_memory ? NULL : calloc(1, size_bytes);
}

void kfree(void *pointer, size_t size_bytes)
{
	if (pointer)
		heap_held -= size_bytes;
	free(pointer);
}

void lapic_timer_arm(uint64_t deadline_ns)
{
	local_ns[host_cpu->index] = deadline_ns;
}

static struct item {
	struct ktimer timer;
	uint64_t due_ns; /* 0: not armed */
	unsigned fired;
} items[TIMERS];

static uint64_t last_ns;

static void fired(struct ktimer *timer)
{
	struct item *item = container_of(timer, struct item, timer);

	assert_true(item->due_ns && item->due_ns <= host_now_ns);
	assert_true(item->due_ns >= last_ns);
	last_ns = item->due_ns;
	item->due_ns = 0;
	item->fired++;
}

static int setup(void **state)
{
	(void)state;
	reserved_count = 0;
	no_memory = false;
	host_now_ns = 1000;
	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < 2; i++) {
		cpus[i] = (struct cpu){ .index = i, .timer_armed_ns = ~0ul };
		cpu_table[i] = &cpus[i];
		local_ns[i] = 0;
		host_cpu = &cpus[i];
		timer_cpu_start(&cpus[i]);
	}
	host_cpu = &cpus[0];
	for (unsigned i = 0; i < TIMERS; i++) {
		items[i].timer.function = fired;
		assert_int_equal(timer_reserve(&items[i].timer), OK);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TIMERS; i++)
		timer_unreserve(&items[i].timer);
	assert_int_equal(reserved_count, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cpus[i].timer_count, 0);
		kfree(cpus[i].timers, cpus[i].timer_capacity * sizeof(struct ktimer *));
		cpus[i].timers = NULL;
	}
	assert_int_equal(heap_held, 0);
	return 0;
}

static void arm(unsigned i, uint64_t due_ns)
{
	items[i].due_ns = due_ns;
	timer_arm(&items[i].timer, due_ns);
}

/* The local timer of a CPU comes, if it is armed for now. */
static void interrupt(unsigned cpu)
{
	host_cpu = &cpus[cpu];
	if (!local_ns[cpu] || local_ns[cpu] > host_now_ns)
		return;
	local_ns[cpu] = 0;
	last_ns = 0;
	timer_interrupt();
}

static void random_use_fires_all_that_is_due_in_order(void **state)
{
	uint64_t armed = 0, fires = 0;

	(void)state;
	srand(4);
	for (unsigned round = 0; round < 40000; round++) {
		unsigned i = (unsigned)rand() % TIMERS;

		host_cpu = &cpus[rand() % 2];
		if (rand() % 4) { /* also one that is armed, also on the other CPU */
			arm(i, host_now_ns + 1 + (uint64_t)rand() % 5000);
			armed++;
		} else {
			timer_cancel(&items[i].timer);
			items[i].due_ns = 0;
		}
		if (rand() % 3)
			continue;
		host_now_ns += (uint64_t)rand() % 400;
		interrupt(0);
		interrupt(1);
		for (unsigned k = 0; k < TIMERS; k++)
			assert_true(!items[k].due_ns || items[k].due_ns > host_now_ns);
	}
	for (unsigned k = 0; k < TIMERS; k++)
		fires += items[k].fired;
	assert_true(fires > 1000 && fires < armed);
}

static void earlier_deadline_replaces_what_the_local_timer_waits_for(void **state)
{
	(void)state;
	arm(0, 9000);
	assert_int_equal(local_ns[0], 9000);
	arm(1, 5000);
	assert_int_equal(local_ns[0], 5000);
	arm(2, 7000);
	assert_int_equal(local_ns[0], 5000);
	host_now_ns = 5000;
	interrupt(0);
	assert_int_equal(items[1].fired, 1);
	assert_int_equal(local_ns[0], 7000);
}

static void local_timer_that_comes_early_is_armed_again(void **state)
{
	(void)state;
	arm(0, 9000);
	host_now_ns = 8000;
	host_cpu = &cpus[0];
	timer_interrupt();
	assert_int_equal(items[0].fired, 0);
	assert_int_equal(local_ns[0], 9000);
}

static void armed_again_elsewhere_it_fires_there_and_once(void **state)
{
	(void)state;
	arm(0, 5000);
	host_cpu = &cpus[1];
	arm(0, 6000);
	host_now_ns = 10000;
	interrupt(0);
	assert_int_equal(items[0].fired, 0);
	interrupt(1);
	assert_int_equal(items[0].fired, 1);
}

static void rearms(struct ktimer *timer)
{
	struct item *item = container_of(timer, struct item, timer);

	item->fired++;
	timer_arm(timer, 1); /* long ago: due at once, for ever */
}

static void timer_that_is_always_due_does_not_hold_the_cpu(void **state)
{
	(void)state;
	items[0].timer.function = rearms;
	arm(0, 2000);
	host_now_ns = 3000;
	interrupt(0);
	assert_true(items[0].fired >= 1 && items[0].fired <= 2);
	assert_int_equal(local_ns[0], 1);
}

static unsigned fired_many;

static void counts(struct ktimer *timer)
{
	(void)timer;
	fired_many++;
}

static void many_that_are_due_fire_a_piece_at_a_time(void **state)
{
	static struct ktimer many[200];
	unsigned interrupts = 0;

	(void)state;
	fired_many = 0;
	for (unsigned i = 0; i < 200; i++) {
		many[i].function = counts;
		assert_int_equal(timer_reserve(&many[i]), OK);
		timer_arm(&many[i], 5000);
	}
	host_now_ns = 6000;
	while (fired_many < 200 && interrupts < 200) {
		assert_int_equal(local_ns[0], 5000); /* at once, again */
		interrupt(0);
		interrupts++;
		assert_true(fired_many <= interrupts * TIMERS_A_TIME);
	}
	assert_int_equal(fired_many, 200);
	for (unsigned i = 0; i < 200; i++)
		timer_unreserve(&many[i]);
}

static void room_is_reserved_on_every_cpu_or_not_at_all(void **state)
{
	struct ktimer one = { .function = fired };
	unsigned more = 0;
	static struct ktimer many[2000];

	(void)state;
	no_memory = true;
	while (more < 2000 && timer_reserve(&many[more]) == OK)
		more++;
	assert_true(more < 2000);
	assert_int_equal(timer_reserve(&one), ERR_NO_MEMORY);
	assert_false(one.reserved);
	no_memory = false;
	assert_int_equal(timer_reserve(&one), OK);
	assert_true(cpus[0].timer_capacity >= reserved_count);
	assert_true(cpus[1].timer_capacity >= reserved_count);
	timer_unreserve(&one);
	timer_unreserve(&one);
	while (more)
		timer_unreserve(&many[--more]);
	assert_int_equal(reserved_count, TIMERS);
}

/* --- Tasks --- */

static unsigned ran;

static void count_run(struct ktask *task)
{
	(void)task;
	ran++;
}

static void again(struct ktask *task)
{
	ran++;
	task_post(task);
}

static void posted_twice_runs_once(void **state)
{
	struct ktask task = { .function = count_run };

	(void)state;
	ran = 0;
	task_post(&task);
	task_post(&task);
	assert_true(task_waits());
	assert_int_equal(host_cpu->reschedule, 1);
	task_run();
	assert_int_equal(ran, 1);
	assert_false(task_waits());
}

static void task_that_posts_itself_leaves_a_turn_to_others(void **state)
{
	struct ktask one = { .function = again }, two = { .function = count_run };

	(void)state;
	ran = 0;
	task_post(&one);
	task_post(&two);
	task_run();
	assert_int_equal(ran, TASKS_A_TIME);
	assert_false(two.queued);
	assert_true(task_waits());
	one.function = count_run;
	task_run();
	assert_false(task_waits());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(random_use_fires_all_that_is_due_in_order),
		TEST(earlier_deadline_replaces_what_the_local_timer_waits_for),
		TEST(local_timer_that_comes_early_is_armed_again),
		TEST(armed_again_elsewhere_it_fires_there_and_once),
		TEST(timer_that_is_always_due_does_not_hold_the_cpu),
		TEST(many_that_are_due_fire_a_piece_at_a_time),
		TEST(room_is_reserved_on_every_cpu_or_not_at_all),
		TEST(posted_twice_runs_once),
		TEST(task_that_posts_itself_leaves_a_turn_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
