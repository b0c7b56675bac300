/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block, what both rings do alike: checks every request, gives it a tag, shares a queue among
 * its sessions. Used by class/block.c of both rings.
 */
#include <session/block.h>
#include <shim/log.h>

static uint32_t block_tag_count(const struct shim_driver *driver)
{
	uint32_t count = driver->ops.block->depth_max;

	return count && count < BLOCK_TAGS_MAX ? count : BLOCK_TAGS_MAX;
}

static uint32_t block_journal_bytes(uint32_t tag_count)
{
	return (uint32_t)sizeof(struct block_journal) +
	       tag_count * (uint32_t)sizeof(struct block_record);
}

uint32_t block_queue_count(const struct shim_driver *driver)
{
	return driver->queue_count ? driver->queue_count : 1;
}

uint32_t block_port_bytes(const struct shim_driver *driver)
{
	return block_queue_count(driver) * block_journal_bytes(block_tag_count(driver));
}

static bool block_unit_sane(const struct block_class *class, const struct unit_info *unit)
{
	uint32_t block = unit->block_bytes;

	return unit->class_id == CLASS_BLOCK && unit->unit < BLOCK_UNITS_MAX &&
	       unit->queue < class->queue_count && block >= 512 && block <= 4096 &&
	       (block & (block - 1)) == 0 && unit->block_count != 0 && unit->depth != 0 &&
	       unit->depth <= class->tag_count && unit->transfer_bytes_max >= block;
}

static enum error block_units_restore(struct block_class *class)
{
	struct unit_info info;

	for (uint32_t number = 0; unit_restore(class->device, number, &info);
	     number = info.unit + 1) {
		if (!block_unit_sane(class, &info))
			return ERR_CORRUPT;
		class->unit[info.unit] = (struct block_unit){ true, info };
	}
	return OK;
}

/* A tag that there is not is free, whatever an earlier instance says. */
static void block_journal_trim(struct block_journal *journal, uint32_t tag_count)
{
	for (uint32_t tag = tag_count; tag < BLOCK_TAGS_MAX; tag++)
		journal->free[tag / 64] |= UINT64_C(1) << tag % 64;
}

enum error block_class_init(struct block_class *class, struct shim_device *device,
			    struct block_queue *queue, void *port, bool hot)
{
	uint8_t *at = port;

	class->device = device;
	device->class_data = class;
	class->queue = queue;
	class->queue_count = block_queue_count(device->driver);
	class->tag_count = block_tag_count(device->driver);
	for (uint32_t i = 0; i < class->queue_count; i++) {
		queue[i].journal = (struct block_journal *)(void *)at;
		at += block_journal_bytes(class->tag_count);
		if (hot)
			block_journal_trim(queue[i].journal, class->tag_count);
		else
			memset(queue[i].journal->free, 0xff, sizeof(queue[i].journal->free));
	}
	return hot ? block_units_restore(class) : OK;
}

/* --- Sessions and units --- */

/* Operations that the fast path takes: none while something is to be replayed first. */
static void block_plain_update(struct session_link *link)
{
	if (!link->ready || link->replay_count != link->replay_next)
		link->plain = 0;
	else
		link->plain = link->flags & UNIT_READ_ONLY ? BLOCK_READ : BLOCK_WRITE;
}

/* May this session's requests be taken? Its range was checked against the unit as it was when the
 * session was made; another instance may have found another disk. */
static void block_link_update(struct block_class *class, struct session_link *link)
{
	const struct block_unit *unit = &class->unit[link->unit];

	link->ready = false;
	link->plain = 0;
	class->refuses |= link->gone;
	if (link->gone || !unit->present)
		return;
	if (unit->info.queue != link->queue || unit->info.block_bytes != 1u << link->block_shift ||
	    link->range_start + link->range_count > unit->info.block_count) {
		link->gone = class->refuses = true;
		return;
	}
	link->depth = unit->info.depth;
	link->flags = unit->info.flags;
	link->tags = link->depth < 64 ? (UINT64_C(1) << link->depth) - 1 : UINT64_MAX;
	link->blocks_max = unit->info.transfer_bytes_max >> link->block_shift;
	if (link->blocks_max > link->pool_bytes >> link->block_shift)
		link->blocks_max = link->pool_bytes >> link->block_shift;
	if (link->blocks_max > link->range_count)
		link->blocks_max = (uint32_t)link->range_count;
	link->ready = true;
	block_plain_update(link);
}

static void block_links_update(struct block_class *class, uint32_t unit)
{
	for (uint32_t i = 0; i < class->queue_count; i++)
		for (struct session_link *link = class->queue[i].links; link; link = link->next)
			if (link->unit == unit)
				block_link_update(class, link);
}

/* Go on with what an earlier instance has in the hardware. A record that does not fit keeps its tag
 * until the driver completes it; its request is replayed. */
static void block_take_over(struct block_class *class, struct block_queue *queue,
			    struct session_link *link)
{
	const struct block_journal *journal = queue->journal;

	for (uint32_t start = 0; start < class->tag_count; start += 64) {
		uint64_t used = ~journal->free[start / 64];

		if (class->tag_count - start < 64)
			used &= (UINT64_C(1) << (class->tag_count - start)) - 1;
		for (; used; used &= used - 1) {
			uint32_t tag = start + (uint32_t)__builtin_ctzll(used);
			const struct block_record *record = &journal->record[tag];

			if (record->session == link->id && !queue->owner[tag] &&
			    session_take_over(link, record->slot, record->generation))
				queue->owner[tag] = link;
		}
	}
}

enum error block_class_attach(struct block_class *class, struct session_link *link)
{
	if (link->queue >= class->queue_count || link->unit >= BLOCK_UNITS_MAX)
		return ERR_RANGE;
	block_take_over(class, &class->queue[link->queue], link);
	session_find_unfinished(link);
	link->next = class->queue[link->queue].links;
	class->queue[link->queue].links = link;
	block_link_update(class, link);
	return OK;
}

bool block_class_detach(struct block_class *class, struct session_link *link)
{
	struct block_queue *queue = &class->queue[link->queue];
	struct session_link **at = &queue->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	if (queue->cursor == link)
		queue->cursor = link->next;
	link->closing = true;
	link->ready = false;
	link->plain = 0;
	if (link->in_flight != 0)
		return false;
	session_wakes_remove(&class->wakes, link);
	return true;
}

/* Answer everything that waits in a session whose unit is gone. */
static void block_refuse_waiting(struct block_class *class, struct session_link *link)
{
	struct session_request request;

	for (uint32_t i = 0; i < link->slot_count && session_take(link, &request); i++)
		session_finish(link, &class->wakes, request.slot, ERR_GONE, 0);
}

__attribute__((noinline)) static void block_refuse_all(struct block_class *class,
						       struct block_queue *queue)
{
	for (struct session_link *link = queue->links; link; link = link->next)
		if (link->gone)
			block_refuse_waiting(class, link);
}

enum error shim_block_unit_add(struct shim_device *device, const struct unit_info *info)
{
	struct block_class *class = block_class_of(device);
	enum error error;

	if (!block_unit_sane(class, info))
		return ERR_INVALID;
	error = unit_publish(device, info);
	if (error != OK)
		return error;
	class->unit[info->unit].info = *info;
	class->unit[info->unit].present = true;
	block_links_update(class, info->unit);
	return OK;
}

void shim_block_unit_remove(struct shim_device *device, unsigned unit)
{
	struct block_class *class = block_class_of(device);

	if (unit >= BLOCK_UNITS_MAX || !class->unit[unit].present)
		return;
	class->unit[unit].present = false;
	for (uint32_t i = 0; i < class->queue_count; i++) {
		for (struct session_link *link = class->queue[i].links; link; link = link->next) {
			if (link->unit != unit)
				continue;
			link->ready = false;
			link->plain = 0;
			link->gone = class->refuses = true;
			block_refuse_waiting(class, link);
		}
	}
	unit_withdraw(device, unit);
}

__attribute__((noinline)) static void block_refuse_and_submit(struct block_class *class,
							      unsigned queue)
{
	block_refuse_all(class, &class->queue[queue]);
	class->device->driver->ops.block->submit(class->device, queue);
}

void block_class_doorbell(struct block_class *class, unsigned queue)
{
	struct shim_device *device = class->device;

	if (queue >= class->queue_count)
		return;
	if (__builtin_expect(class->refuses, 0))
		block_refuse_and_submit(class, queue);
	else
		device->driver->ops.block->submit(device, queue);
}

bool block_class_pending(const struct block_class *class, unsigned queue)
{
	for (const struct session_link *link = class->queue[queue].links; link; link = link->next)
		if ((link->ready || link->gone) && session_pending(link))
			return true;
	return false;
}

bool block_class_sleep(struct block_class *class, unsigned queue)
{
	for (struct session_link *link = class->queue[queue].links; link; link = link->next)
		__atomic_store_n(&link->server->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !block_class_pending(class, queue);
}

void block_class_awake(struct block_class *class, unsigned queue)
{
	for (struct session_link *link = class->queue[queue].links; link; link = link->next)
		session_server_awake(link);
}

/* --- Requests --- */

static bool block_range_good(const struct session_link *link, const struct session_request *request)
{
	return request->count <= link->range_count &&
	       request->position <= link->range_count - request->count;
}

/* All of a transfer at once: the fast path. blocks_max is no more than range and pool hold, so
 * nothing here wraps around. */
static inline bool block_transfer_good(const struct session_link *link,
				       const struct session_request *request, uint32_t bytes)
{
	return request->count - 1 < link->blocks_max &&
	       request->position <= link->range_count - request->count &&
	       (request->data_offset & 3) == 0 && request->data_offset <= link->pool_bytes - bytes;
}

/* What is wrong with a transfer that is not good? */
static enum error block_transfer_error(const struct session_link *link,
				       const struct session_request *request)
{
	if (request->count == 0 || (request->data_offset & 3) != 0)
		return ERR_INVALID;
	if (!block_range_good(link, request))
		return ERR_RANGE;
	if (!session_data_inside(link, request->data_offset,
				 (uint64_t)request->count << link->block_shift))
		return ERR_PROTOCOL;
	return ERR_INVALID; /* too large for the unit */
}

/* Everything but a good transfer. */
static enum error block_check(const struct session_link *link,
			      const struct session_request *request)
{
	unsigned flags = request->operation == BLOCK_WRITE ? BLOCK_FUA : 0;

	if (request->operation < BLOCK_READ || request->operation > BLOCK_DISCARD ||
	    (request->flags & ~flags) != 0)
		return ERR_INVALID;
	if (request->operation == BLOCK_FLUSH)
		return OK;
	if (request->operation == BLOCK_DISCARD && !(link->flags & UNIT_DISCARD))
		return ERR_UNSUPPORTED;
	if (request->operation != BLOCK_READ && link->flags & UNIT_READ_ONLY)
		return ERR_READ_ONLY;
	if (request->operation != BLOCK_DISCARD)
		return block_transfer_good(link, request, request->count << link->block_shift)
			       ? OK
			       : block_transfer_error(link, request);
	if (request->count == 0)
		return ERR_INVALID;
	return block_range_good(link, request) ? OK : ERR_RANGE;
}

/* The lowest tag that is not in flight; `depth` or more if there is none below it. */
static unsigned block_tag_free(const struct block_queue *queue, uint32_t depth)
{
	const uint64_t *free = queue->journal->free;

	for (unsigned word = 0; word * 64 < depth; word++)
		if (free[word] != 0)
			return word * 64 + (unsigned)__builtin_ctzll(free[word]);
	return BLOCK_TAGS_MAX;
}

static inline void block_start(struct block_queue *queue, struct session_link *link, unsigned tag,
			       const struct session_request *from, uint32_t bytes,
			       struct shim_block_request *request)
{
	struct block_record *record = &queue->journal->record[tag];

	*record = (struct block_record){ link->id, from->generation, from->count,
					 (uint16_t)from->slot, 0 };
	queue->owner[tag] = link;
	request->tag = (uint16_t)tag;
	request->operation = from->operation;
	request->flags = from->flags;
	request->unit = link->unit;
	request->position = link->range_start + from->position;
	request->count = from->count;
	request->data_bytes = bytes;
	request->data.value = link->pool_iova + from->data_offset;
}

/* What the device does not need to be asked, it is not asked. */
static bool block_done_already(const struct session_link *link,
			       const struct session_request *request)
{
	return request->operation == BLOCK_FLUSH && !(link->flags & UNIT_FLUSH);
}

static void block_start_checked(struct block_queue *queue, struct session_link *link, unsigned tag,
				struct session_request *from, struct shim_block_request *request)
{
	if (from->operation == BLOCK_FLUSH)
		from->count = 0;
	queue->journal->free[tag / 64] &= ~(UINT64_C(1) << tag % 64);
	if (from->operation <= BLOCK_WRITE) {
		block_start(queue, link, tag, from, from->count << link->block_shift, request);
		return;
	}
	block_start(queue, link, tag, from, 0, request);
	request->data.value = 0;
	if (from->operation == BLOCK_FLUSH)
		request->position = 0;
}

/* Take one good request of a session; bad ones, and flushes with nothing to flush, are answered on
 * the way. At most a full table of them a call: a client that floods waits for its next doorbell.
 */
static bool block_take(struct block_class *class, struct block_queue *queue,
		       struct session_link *link, struct shim_block_request *request)
{
	struct session_request taken;

	for (uint32_t i = 0; i <= link->slot_count; i++) {
		unsigned tag = block_tag_free(queue, link->depth);
		enum error error;

		if (tag >= link->depth || !session_take(link, &taken))
			return false;
		error = block_check(link, &taken);
		if (error == OK && !block_done_already(link, &taken)) {
			block_start_checked(queue, link, tag, &taken, request);
			return true;
		}
		session_finish(link, &class->wakes, taken.slot, error, 0);
	}
	return false;
}

/* Whatever waits, in turn. */
__attribute__((noinline)) static bool block_next_any(struct block_class *class,
						     struct block_queue *queue,
						     struct session_link *start,
						     struct shim_block_request *request)
{
	struct session_link *link = start;

	do {
		bool taken = link->ready && block_take(class, queue, link, request);

		block_plain_update(link);
		if (taken) {
			queue->cursor = link->next;
			return true;
		}
		link = link->next ? link->next : queue->links;
	} while (link != start);
	return false;
}

/* The case that counts: take the request in a slot if it is a good transfer, for a tag that is
 * free. What it writes matters only when all is checked and the tag is no longer free;
 * block_next_any() reads and checks anew what is anything else. Each word of a slot is read once;
 * blocks_max is no more than range and pool hold. What is known is put away at once, which needs
 * few registers; and fields stay fields, since joined into words they would cost more than the
 * stores that it saves.
 */
__attribute__((always_inline)) static inline bool
block_take_slot(struct block_queue *queue, struct block_journal *journal, struct session_link *link,
		uint64_t tag, uint64_t slot, struct shim_block_request *table)
{
	struct shim_block_request *request = &table[tag];
	struct block_record *record = &journal->record[tag];
	const uint64_t *words = (const uint64_t *)(const void *)&link->slots[slot];
	uint64_t word;
	uint32_t bytes;

	if (slot >= link->slot_count || link->taken[slot])
		return false;
	queue->owner[tag] = link;
	request->tag = (uint16_t)tag;
	request->flags = 0;
	request->unit = link->unit;
	__atomic_store_n(&record->session, link->id, __ATOMIC_RELAXED);
	__atomic_store_n(&record->slot, (uint16_t)slot, __ATOMIC_RELAXED);
	word = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	if ((uint16_t)word - 1u >= link->plain)
		return false;
	request->operation = (uint8_t)word;
	__atomic_store_n(&record->generation, (uint32_t)(word >> 32), __ATOMIC_RELAXED);
	word = __atomic_load_n(&words[2], __ATOMIC_RELAXED);
	if ((uint32_t)word - 1 >= link->blocks_max)
		return false;
	request->count = (uint32_t)word;
	__atomic_store_n(&record->count, (uint32_t)word, __ATOMIC_RELAXED);
	bytes = (uint32_t)word << link->block_shift;
	request->data_bytes = bytes;
	word >>= 32;
	if (word & 3 || word > link->pool_bytes - bytes)
		return false;
	request->data.value = link->pool_iova + word;
	word = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	if (word > link->range_count - request->count)
		return false;
	request->position = link->range_start + word;
	link->taken[slot] = true;
	return true;
}

static inline uint64_t block_slot_at(const struct session_link *link, uint32_t head)
{
	return __atomic_load_n(&link->submit_ring[head & (link->slot_count - 1)], __ATOMIC_RELAXED);
}

/* The ids before `head` were taken. */
static inline void block_taken(struct session_link *link, uint32_t head)
{
	link->in_flight += head - link->submit_head;
	link->submit_head = head;
	__atomic_store_n(&link->server->submit_head, head, __ATOMIC_RELAXED);
}

/* Good transfers of one session, for the first 64 tags. */
__attribute__((noinline)) static unsigned block_take_plain(struct block_queue *queue,
							   struct session_link *link,
							   struct shim_block_request *table,
							   uint16_t *tags, unsigned count)
{
	struct block_journal *journal = queue->journal;
	uint32_t head = link->submit_head, end;
	uint32_t waiting = __atomic_load_n(&link->client->submit_tail, __ATOMIC_ACQUIRE) - head;
	uint64_t free = journal->free[0], usable = free & link->tags;

	if (waiting > link->slot_count)
		return 0;
	end = head + (waiting < count ? waiting : count);
	for (; head != end && usable; head++, usable &= usable - 1) {
		uint64_t tag = (uint64_t)__builtin_ctzll(usable);

		if (!block_take_slot(queue, journal, link, tag, block_slot_at(link, head), table))
			break;
		*tags++ = (uint16_t)tag;
	}
	count = head - link->submit_head;
	if (!count)
		return 0;
	journal->free[0] = (free & ~link->tags) | usable;
	block_taken(link, head);
	return count;
}

/* One of whatever waits; true if more may be taken after it. */
static bool block_take_any(struct block_class *class, struct block_queue *queue,
			   struct shim_block_request *table, uint16_t *tags, unsigned *done)
{
	struct session_link *start = queue->cursor ? queue->cursor : queue->links;
	struct shim_block_request request;

	if (!block_next_any(class, queue, start, &request))
		return false;
	table[request.tag] = request;
	tags[(*done)++] = request.tag;
	return request.operation <= BLOCK_WRITE;
}

/* Several sessions take turns; or one has something that is not plain. */
__attribute__((noinline)) static unsigned
block_take_turns(struct block_class *class, struct block_queue *queue,
		 struct shim_block_request *table, uint16_t *tags, unsigned count, unsigned done)
{
	while (done < count) {
		struct session_link *link = queue->cursor ? queue->cursor : queue->links;
		unsigned most = queue->links->next ? 1 : count - done;
		unsigned plain = block_take_plain(queue, link, table, tags + done, most);

		if (plain)
			queue->cursor = link->next;
		done += plain;
		if (!plain && !block_take_any(class, queue, table, tags, &done))
			break;
	}
	return done;
}

unsigned shim_block_take(struct shim_device *device, unsigned index,
			 struct shim_block_request *table, uint16_t *tags, unsigned count)
{
	struct block_class *class = device->class_data;
	struct block_queue *queue = &class->queue[index];
	struct session_link *link;
	unsigned done = 0;

	if (index >= class->queue_count || !queue->links)
		return 0;
	link = queue->links;
	if (!link->next) {
		if (!session_pending(link))
			return 0;
		done = block_take_plain(queue, link, table, tags, count);
		if (done == count || !session_pending(link))
			return done;
	}
	return block_take_turns(class, queue, table, tags, count, done);
}

int shim_block_take_one(struct shim_device *device, unsigned index,
			struct shim_block_request *table)
{
	struct block_class *class = device->class_data;
	struct block_queue *queue = &class->queue[index];
	struct block_journal *journal;
	struct session_link *link;
	uint64_t free, tag;
	uint32_t head;

	if (index >= class->queue_count)
		return SHIM_BLOCK_NONE;
	link = queue->links;
	if (!link || link->next)
		return SHIM_BLOCK_NONE;
	head = link->submit_head;
	if (__atomic_load_n(&link->client->submit_tail, __ATOMIC_ACQUIRE) - head != 1)
		return SHIM_BLOCK_NONE;
	journal = queue->journal;
	free = journal->free[0];
	if (!free)
		return SHIM_BLOCK_NONE;
	tag = (uint64_t)__builtin_ctzll(free);
	if (tag >= link->depth ||
	    !block_take_slot(queue, journal, link, tag, block_slot_at(link, head), table))
		return SHIM_BLOCK_NONE;
	free = journal->free[0];
	journal->free[0] = free & (free - 1);
	link->in_flight++;
	link->submit_head = ++head;
	__atomic_store_n(&link->server->submit_head, head, __ATOMIC_RELAXED);
	return (int)tag;
}

bool shim_block_next(struct shim_device *device, unsigned index, struct shim_block_request *request)
{
	struct block_class *class = device->class_data;
	struct block_queue *queue = &class->queue[index];

	if (index >= class->queue_count || !queue->links)
		return false;
	return block_next_any(class, queue, queue->cursor ? queue->cursor : queue->links, request);
}

static void block_bad_completion(struct block_class *class, unsigned queue, unsigned tag)
{
	if (class->bad_completions++ == 0)
		shim_log(class->device, LOG_ERROR,
			 "the driver completed tag %u of queue %u, which is not in flight", tag,
			 queue);
}

void shim_block_complete(struct shim_device *device, unsigned index, unsigned tag, enum error error)
{
	struct block_class *class = device->class_data;
	struct block_queue *queue = &class->queue[index];
	struct block_journal *journal;
	const struct block_record *done;
	struct session_link *link;
	uint64_t free, bit = UINT64_C(1) << tag % 64;

	if (index >= class->queue_count || tag >= class->tag_count) {
		block_bad_completion(class, index, tag);
		return;
	}
	journal = queue->journal;
	free = journal->free[tag / 64];
	if (free & bit) {
		block_bad_completion(class, index, tag);
		return;
	}
	journal->free[tag / 64] = free | bit;
	link = queue->owner[tag];
	if (!link)
		return;
	done = &journal->record[tag];
	if (__builtin_expect(error != OK, 0))
		session_answer(link, link->complete_tail, done->slot, done->generation, error, 0);
	else
		session_answer(link, link->complete_tail, done->slot, done->generation, OK,
			       done->count);
	session_answers_publish(link, &class->wakes, link->complete_tail + 1);
}

void shim_block_complete_many(struct shim_device *device, unsigned index, unsigned word,
			      uint64_t tags)
{
	struct block_class *class = device->class_data;
	struct block_queue *queue = &class->queue[index];
	struct session_link *link = NULL;
	uint64_t bad;
	uint32_t tail = 0;

	if (!tags)
		return;
	if (index >= class->queue_count || word >= BLOCK_TAGS_MAX / 64) {
		block_bad_completion(class, index, word * 64);
		return;
	}
	/* Tags that there are not are free for ever. A bad one costs no other its answer. */
	bad = queue->journal->free[word] & tags;
	if (bad)
		block_bad_completion(class, index, word * 64 + (unsigned)__builtin_ctzll(bad));
	tags &= ~bad;
	queue->journal->free[word] |= tags;
	for (uint64_t left = tags; left; left &= left - 1) {
		unsigned tag = word * 64 + (unsigned)__builtin_ctzll(left);
		const struct block_record *done = &queue->journal->record[tag];

		if (queue->owner[tag] != link) {
			if (link)
				session_answers_publish(link, &class->wakes, tail);
			link = queue->owner[tag];
			tail = link ? link->complete_tail : 0;
		}
		if (link)
			session_answer(link, tail++, done->slot, done->generation, OK, done->count);
	}
	if (link)
		session_answers_publish(link, &class->wakes, tail);
}
