// SPDX-License-Identifier: GPL-2.0-only
/* What the state machine should do: see model.h. */
#include <linux/kernel.h>

#include "model.h"

#define S(name)	VFIO_DEVICE_STATE_##name

enum effect { NOTHING, BEGINS, BEGINS_PRECOPY, ENDS };

static const struct arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	enum effect effect;
	enum mig_op op[2];
	unsigned int nr;
} arcs[] = {
	{ S(RUNNING), S(RUNNING_P2P), NOTHING, { MIG_OP_SUSPEND_P2P }, 1 },
	{ S(RUNNING_P2P), S(STOP), NOTHING, { MIG_OP_SUSPEND_FULL }, 1 },
	{ S(STOP), S(RUNNING_P2P), NOTHING, { MIG_OP_RESUME_FULL }, 1 },
	{ S(RUNNING_P2P), S(RUNNING), NOTHING, { MIG_OP_RESUME_P2P }, 1 },
	{ S(STOP), S(STOP_COPY), BEGINS, { MIG_OP_SAVE }, 1 },
	{ S(STOP_COPY), S(STOP), ENDS, {}, 0 },
	{ S(STOP), S(RESUMING), BEGINS, {}, 0 },
	{ S(RESUMING), S(STOP), ENDS, {}, 0 },
	{ S(RUNNING), S(PRE_COPY), BEGINS_PRECOPY, { MIG_OP_PRECOPY_START, MIG_OP_SAVE }, 2 },
	{ S(RUNNING_P2P), S(PRE_COPY_P2P), BEGINS_PRECOPY, { MIG_OP_PRECOPY_START, MIG_OP_SAVE },
	  2 },
	{ S(PRE_COPY), S(PRE_COPY_P2P), NOTHING, { MIG_OP_SUSPEND_P2P }, 1 },
	{ S(PRE_COPY_P2P), S(PRE_COPY), NOTHING, { MIG_OP_RESUME_P2P }, 1 },
	{ S(PRE_COPY_P2P), S(STOP_COPY), NOTHING, { MIG_OP_SUSPEND_FULL }, 1 },
	{ S(PRE_COPY), S(RUNNING), ENDS, {}, 0 },
	{ S(PRE_COPY_P2P), S(RUNNING_P2P), ENDS, {}, 0 },
};

/* Firmware's answer */
static int asked(struct model *m, enum mig_op op)
{
	unsigned int i = m->nr++;

	m->op[i] = op;
	if ((int)i != m->fault)
		return 0;
	/* It is unknown whether the function runs; other operations concern only the session */
	if (m->err == -ETIMEDOUT && op <= MIG_OP_RESUME_P2P)
		m->state = S(ERROR);
	return m->err;
}

static int take(struct model *m, const struct arc *arc)
{
	unsigned int i;
	int ret;

	for (i = 0; i < arc->nr; i++) {
		ret = asked(m, arc->op[i]);
		if (!ret)
			continue;
		/* It records what changes, and nobody will ask for it */
		if (arc->op[i] == MIG_OP_SAVE && arc->effect == BEGINS_PRECOPY)
			asked(m, MIG_OP_PRECOPY_STOP);
		return ret;
	}
	/* That it does not stop recording keeps no one from going on */
	if (arc->effect == ENDS && m->precopy) {
		m->precopy = false;
		asked(m, MIG_OP_PRECOPY_STOP);
	}
	m->state = arc->to;
	m->file = arc->effect == BEGINS || arc->effect == BEGINS_PRECOPY;
	if (m->file)
		m->precopy = arc->effect == BEGINS_PRECOPY;
	return 0;
}

static int take_to(struct model *m, enum vfio_device_mig_state next)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arcs); i++)
		if (arcs[i].from == m->state && arcs[i].to == next)
			return take(m, &arcs[i]);
	return -ENOENT;
}

/**
 * model_walk() - user space wants a state
 * @m: the device
 * @wanted: the state
 * @fault: which firmware operation fails, from 0; -1: none
 * @err: with which errno
 */
void model_walk(struct model *m, enum vfio_device_mig_state wanted, int fault, int err)
{
	enum vfio_device_mig_state next;

	m->nr = 0;
	m->file = false;
	m->fault = fault;
	m->err = err;
	m->ret = m->state == S(ERROR) ? -EINVAL : 0;
	while (!m->ret && m->state != wanted) {
		m->ret = vfio_mig_get_next_state(m->vdev, m->state, wanted, &next);
		if (!m->ret)
			m->ret = take_to(m, next);
	}
}
