/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A new process from an ELF file: segments, stack, the startup page, its first handles, its first
 * thread.
 */
#include <lib/archive.h>
#include <lib/string.h>

#include <kernel/device.h>
#include <kernel/elf.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/time.h>

#define STACK_BYTES      (128ul << 10)
#define STACK_TOP        0x7ffffff00000ul
#define DEFAULT_PAGES    1024
#define DEFAULT_OBJECTS  256
#define IMAGE_MAX        (4ul << 20)
#define MANAGER_PRIORITY 24

/* The file, where nobody can change it while it is looked at: in the archive, or copied. */
static enum error image_open(struct memory *image, const struct spawn *spawn, uint8_t **data)
{
	uint64_t limit = image->page_count * PAGE_SIZE;
	enum error error;

	if (spawn->image_offset > limit || spawn->image_bytes > limit - spawn->image_offset ||
	    !spawn->image_bytes)
		return ERR_RANGE;
	if (image->borrowed) {
		*data = (uint8_t *)phys_to_virt(image->base) + spawn->image_offset;
		return OK;
	}
	if (spawn->image_bytes > IMAGE_MAX)
		return ERR_RANGE;
	*data = kzalloc(spawn->image_bytes);
	if (!*data)
		return ERR_NO_MEMORY;
	error = memory_read(image, spawn->image_offset, *data, spawn->image_bytes);
	if (error)
		kfree(*data, spawn->image_bytes);
	return error;
}

static void image_close(struct memory *image, const struct spawn *spawn, uint8_t *data)
{
	if (!image->borrowed)
		kfree(data, spawn->image_bytes);
}

static enum error segment_load(struct process *process, const uint8_t *data,
			       const struct elf_segment *segment)
{
	unsigned rights = RIGHT_READ | (segment->writable ? RIGHT_WRITE : 0) |
			  (segment->executable ? RIGHT_EXECUTE : 0);
	vaddr_t vaddr = segment->vaddr;
	struct memory *memory;
	enum error error = memory_create(process, segment->memory_bytes, 0, 0, &memory);

	if (error)
		return error;
	error = memory_write(memory, 0, data + segment->file_offset, segment->file_bytes);
	if (!error)
		error = space_map(&process->space, memory, 0, segment->memory_bytes, rights,
				  &vaddr);
	object_release(&memory->object);
	return error;
}

static enum error handles_give(struct process *parent, const struct spawn *spawn,
			       struct process *process, struct startup *startup)
{
	for (uint32_t i = 0; i < spawn->handle_count; i++) {
		struct handle_entry *entry;
		enum error error = handle_lookup(parent, spawn->handle[i].handle, OBJECT_NONE,
						 RIGHT_TRANSFER, &entry);

		if (!error)
			error = handle_insert(process, entry->object, entry->rights, entry->badge,
					      &startup->handle[i].handle);
		if (error)
			return error;
		startup->handle[i].role = spawn->handle[i].role;
	}
	startup->handle_count = spawn->handle_count;
	return OK;
}

static enum error stack_make(struct process *process, const struct startup *startup, vaddr_t *top)
{
	uint64_t offset = (STACK_BYTES - sizeof(*startup)) & ~15ul;
	vaddr_t vaddr = STACK_TOP - STACK_BYTES;
	struct memory *stack;
	enum error error = memory_create(process, STACK_BYTES, 0, 0, &stack);

	if (error)
		return error;
	error = memory_write(stack, offset, startup, sizeof(*startup));
	if (!error)
		error = space_map(&process->space, stack, 0, STACK_BYTES, RIGHT_READ | RIGHT_WRITE,
				  &vaddr);
	object_release(&stack->object);
	*top = vaddr + offset;
	return error;
}

static enum error populate(struct process *process, struct memory *image, const struct spawn *spawn,
			   struct startup *startup)
{
	struct elf_image elf;
	struct thread *thread;
	const char *reason = "";
	uint8_t *data;
	vaddr_t top;
	enum error error = image_open(image, spawn, &data);

	if (error)
		return error;
	error = elf_check(data, spawn->image_bytes, &elf, &reason);
	if (error && process_may_log(process, 1))
		log_warning("%s: not a program: %s", process->name, reason);
	for (unsigned i = 0; !error && i < elf.segment_count; i++)
		error = segment_load(process, data, &elf.segment[i]);
	image_close(image, spawn, data);
	if (error)
		return error;
	object_reference(&image->object);
	process->image = image;
	process->image_offset = spawn->image_offset;
	process->image_bytes = spawn->image_bytes;
	error = stack_make(process, startup, &top);
	if (!error)
		error = thread_create(process, elf.entry, top, top, spawn->priority, &thread);
	if (!error)
		sched_ready(thread);
	return error;
}

enum error process_spawn(struct process *parent, const struct spawn *spawn, struct memory *image,
			 struct process **result)
{
	struct startup *startup;
	struct process *process;
	enum error error;

	if (spawn->handle_count > STARTUP_HANDLES_MAX || spawn->args_bytes > STARTUP_ARGS_BYTES ||
	    !spawn->priority || spawn->priority >= PRIORITY_COUNT)
		return ERR_INVALID;
	startup = kzalloc(sizeof(*startup));
	if (!startup)
		return ERR_NO_MEMORY;
	error = process_create(
		parent, spawn->name, spawn->budget_pages ? spawn->budget_pages : DEFAULT_PAGES,
		spawn->budget_objects ? spawn->budget_objects : DEFAULT_OBJECTS, &process);
	if (error)
		goto free_startup;
	object_reference(&process->object); /* for the caller */
	startup->version = 1;
	startup->pid = process->pid;
	startup->args_bytes = spawn->args_bytes;
	memcpy(startup->args, spawn->args, spawn->args_bytes);
	if (spawn->args_bytes)
		startup->args[spawn->args_bytes - 1] = 0;
	startup->tsc_mult = tsc_mult;
	startup->tsc_base = tsc_base;
	startup->archive_bytes = boot_info.archive.size_bytes;
	if (parent)
		error = handles_give(parent, spawn, process, startup);
	else
		error = registry_give(process, startup);
	if (!error)
		error = populate(process, image, spawn, startup);
	if (error) {
		process_exit(process, -1);
		object_release(&process->object);
		goto free_startup;
	}
	*result = process;
free_startup:
	kfree(startup, sizeof(*startup));
	return error;
}

/* What is damaged or cut off is told once; what lies before it works. */
static void archive_check(const struct archive *archive)
{
	struct archive_file file;
	uint64_t position = 0;
	enum error error;

	do
		error = archive_next(archive, &position, &file);
	while (!error);
	if (error != ERR_NOT_FOUND)
		log_error("boot: the initial archive is damaged or cut short at byte %lu of %lu: "
			  "the files behind are lost; build the image again",
			  (unsigned long)position, (unsigned long)archive->size_bytes);
}

void process_start_manager(void)
{
	struct archive archive = { phys_to_virt(boot_info.archive.paddr),
				   boot_info.archive.size_bytes };
	struct spawn *spawn = kzalloc(sizeof(*spawn));
	struct archive_file file;
	struct process *process;
	struct memory *image;
	enum error error;

	if (!archive.size_bytes)
		panic("boot: no initial archive: the boot loader must load it as a module");
	archive_check(&archive);
	error = archive_find(&archive, "bin/manager", &file);
	if (error)
		panic("boot: the initial archive has no bin/manager: build the image again");
	error = spawn ? memory_wrap(NULL, boot_info.archive.paddr, archive.size_bytes, &image)
		      : ERR_NO_MEMORY;
	if (error)
		panic("boot: %s", error_text(error));
	string_copy(spawn->name, sizeof(spawn->name), "manager");
	spawn->image_offset = file.offset;
	spawn->image_bytes = file.size_bytes;
	spawn->priority = MANAGER_PRIORITY;
	/* All that is free now, less what the kernel itself may need. */
	spawn->budget_pages = frame_stats().free_pages - frame_stats().free_pages / 8;
	spawn->budget_objects = frame_stats().free_pages / 4 + 1024;
	registry_archive_set(image);
	error = process_spawn(NULL, spawn, image, &process);
	if (error)
		panic("boot: bin/manager of the initial archive does not start: %s: build the "
		      "image again",
		      error_text(error));
	object_release(&process->object);
	kfree(spawn, sizeof(*spawn));
}
