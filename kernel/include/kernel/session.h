/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions as the kernel keeps them: four areas, a client with a notification, a device. They
 * belong to the device and outlive its instances. Layout: abi/session.h. Under the kernel lock.
 */
#ifndef KERNEL_SESSION_H
#define KERNEL_SESSION_H

#include <abi/session.h>
#include <kernel/device.h>

struct session {
	struct object object;
	struct list link;      /* of its device */
	struct device *device; /* referenced */
	uint32_t id;
	struct session_info *info; /* kernel view of the info page */
	struct memory *info_memory, *client_memory, *server_memory, *pool;
	uint64_t pool_iova;
	struct notification *notification; /* referenced */
	uint64_t bits;
	uint64_t signal; /* the bit that is a doorbell to a ring-3 instance */
	uint32_t queue;
	bool attached; /* an instance uses it, or its device works for it during a move */
	bool closing;  /* the client let go; drains */
	struct session_view view;      /* where the ring-3 instance sees it; id 0: nowhere */
	struct session_view next_view; /* where the one that stands by will see it */
};

enum error session_create(struct process *client, struct device *device, uint32_t unit,
			  struct session_create *parameters, struct session **session);
void session_destroy(struct object *object);
/** The first session of the device with at least this id. */
struct session *session_next(struct device *device, uint32_t id);
/** Map for the ring-3 instance, or for the one that stands by (once), and describe. */
enum error session_view(struct session *session, struct process *process,
			struct session_view *view);
/** The instance lets go of it. */
void session_detach(struct session *session);
/** The instance is gone, with what it had mapped: nothing is attached any more. */
void session_detach_all(struct device *device);
/** The instance's mappings are gone; the next instance goes on with the session. */
void session_hand_over_all(struct device *device, bool to_standby);
/** So are the mappings of the one that stood by. */
void session_standby_gone(struct device *device);
void session_epoch_all(struct device *device);
/** Could a driver that keeps the protocol have written the answers that lie in the completion
 * rings? Judged by what the driver alone writes: whether an answer is stale or double would be
 * proved by the slot table only, which is the client's, and no client shall be able to accuse a
 * driver. */
bool session_answers_possible(struct device *device);
static inline void session_wake_client(struct session *session)
{
	if (session->notification && !session->closing)
		notification_signal_idle(session->notification, session->bits);
}

/** Ring the doorbell. */
static inline void session_kick(struct session *session)
{
	device_doorbell(session->device, session->queue);
}
/** A unit was announced anew: its sessions' UNIT_LINK follows, their clients are woken. */
void session_link_changed(struct device *device, const struct unit_info *unit);
/** The unit or its device is gone for good. */
void session_unit_gone(struct device *device, uint32_t unit, bool gone);

#endif
