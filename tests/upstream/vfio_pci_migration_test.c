// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check that a device which supports migration behaves as described in
 * include/uapi/linux/vfio.h: the state machine, data transfer sessions,
 * pre-copy and VFIO_DEVICE_RESET. No test needs to know the device.
 *
 * Devices without VFIO_DEVICE_FEATURE_MIGRATION are skipped.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include <linux/vfio.h>

#include <libvfio.h>

#include "kselftest_harness.h"

static const char *device_bdf;

/* A longer stream is considered endless. */
#define MAX_STREAM	(256UL << 20)
#define READ_SIZE	(1UL << 20)

static const char * const state_names[] = {
	[VFIO_DEVICE_STATE_ERROR] = "ERROR",
	[VFIO_DEVICE_STATE_STOP] = "STOP",
	[VFIO_DEVICE_STATE_RUNNING] = "RUNNING",
	[VFIO_DEVICE_STATE_STOP_COPY] = "STOP_COPY",
	[VFIO_DEVICE_STATE_RESUMING] = "RESUMING",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "RUNNING_P2P",
	[VFIO_DEVICE_STATE_PRE_COPY] = "PRE_COPY",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "PRE_COPY_P2P",
};

#define for_each_state(_s)						\
	for (_s = VFIO_DEVICE_STATE_STOP; _s < VFIO_DEVICE_STATE_NR; _s++)

struct stream {
	u8 *data;
	size_t size;
};

FIXTURE(vfio_pci_migration_test) {
	struct iommu *iommu;
	struct vfio_pci_device *device;
	u64 flags;
	int data_fd;
};

#define test_data FIXTURE_DATA(vfio_pci_migration_test)

static int feature(int fd, u32 flags, void *data, size_t size)
{
	size_t argsz = sizeof(struct vfio_device_feature) + size;
	struct vfio_device_feature *feature;
	int ret;

	feature = calloc(1, argsz);
	VFIO_ASSERT_NOT_NULL(feature);
	feature->argsz = argsz;
	feature->flags = flags;
	memcpy(feature->data, data, size);

	ret = ioctl(fd, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
	memcpy(data, feature->data, size);
	free(feature);

	return ret;
}

static int get_state(test_data *t, struct vfio_device_feature_mig_state *state)
{
	memset(state, 0, sizeof(*state));
	return feature(t->device->fd, VFIO_DEVICE_FEATURE_GET |
		       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, state,
		       sizeof(*state));
}

static void close_data_fd(test_data *t)
{
	if (t->data_fd >= 0)
		VFIO_ASSERT_EQ(close(t->data_fd), 0);
	t->data_fd = -1;
}

/* Returns 0 or an errno. *new_fd: the transition has returned a data_fd. */
static int try_set_state(test_data *t, u32 state, bool *new_fd)
{
	struct vfio_device_feature_mig_state arg = {
		.device_state = state,
		.data_fd = -1,
	};
	int ret;

	ret = feature(t->device->fd, VFIO_DEVICE_FEATURE_SET |
		      VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &arg, sizeof(arg));

	*new_fd = !ret && arg.data_fd >= 0;
	if (*new_fd) {
		close_data_fd(t);
		t->data_fd = arg.data_fd;
	}

	return ret;
}

static void check_state(test_data *t, u32 state)
{
	struct vfio_device_feature_mig_state arg;

	VFIO_ASSERT_EQ(get_state(t, &arg), 0);
	VFIO_ASSERT_EQ(arg.device_state, state, "State should be %s\n",
		       state_names[state]);
	VFIO_ASSERT_EQ(arg.data_fd, -1);
}

static void set_state(test_data *t, u32 state)
{
	bool new_fd;
	int ret;

	ret = try_set_state(t, state, &new_fd);
	VFIO_ASSERT_EQ(ret, 0, "Failed to set %s\n", state_names[state]);
	check_state(t, state);
}

static bool has_state(test_data *t, u32 state)
{
	switch (state) {
	case VFIO_DEVICE_STATE_RUNNING_P2P:
		return t->flags & VFIO_MIGRATION_P2P;
	case VFIO_DEVICE_STATE_PRE_COPY:
		return t->flags & VFIO_MIGRATION_PRE_COPY;
	case VFIO_DEVICE_STATE_PRE_COPY_P2P:
		return (t->flags & VFIO_MIGRATION_P2P) &&
		       (t->flags & VFIO_MIGRATION_PRE_COPY);
	default:
		return true;
	}
}

static bool is_precopy(u32 state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
}

static bool is_saving(u32 state)
{
	return is_precopy(state) || state == VFIO_DEVICE_STATE_STOP_COPY;
}

static bool starts_session(u32 from, u32 to)
{
	if (from == to)
		return false;
	if (is_saving(to))
		return !is_saving(from);
	return to == VFIO_DEVICE_STATE_RESUMING;
}

/* Append what the data_fd has up to its end. */
static void read_stream(test_data *t, struct stream *s)
{
	ssize_t n;

	do {
		s->data = realloc(s->data, s->size + READ_SIZE);
		VFIO_ASSERT_NOT_NULL(s->data);
		n = read(t->data_fd, s->data + s->size, READ_SIZE);
		VFIO_ASSERT_GE(n, 0);
		s->size += n;
		VFIO_ASSERT_LT(s->size, MAX_STREAM, "The stream has no end\n");
	} while (n);
}

static void save(test_data *t, struct stream *s)
{
	set_state(t, VFIO_DEVICE_STATE_STOP_COPY);
	VFIO_ASSERT_GE(t->data_fd, 0);
	read_stream(t, s);
	set_state(t, VFIO_DEVICE_STATE_STOP);
	close_data_fd(t);
}

/* Returns 0 or the errno of the write or transition that failed. */
static int load(test_data *t, const struct stream *s, size_t size, size_t step)
{
	size_t done = 0;
	bool new_fd;
	ssize_t n;

	set_state(t, VFIO_DEVICE_STATE_RESUMING);
	VFIO_ASSERT_GE(t->data_fd, 0);
	while (done < size) {
		n = write(t->data_fd, s->data + done, min(step, size - done));
		if (n < 0)
			return -errno;
		VFIO_ASSERT_GT(n, 0);
		done += n;
	}

	return try_set_state(t, VFIO_DEVICE_STATE_STOP, &new_fd);
}

/* To a state from RUNNING; RESUMING has got a complete stream. */
static void reach_state(test_data *t, u32 state)
{
	struct stream s = {};

	if (state == VFIO_DEVICE_STATE_RESUMING) {
		save(t, &s);
		set_state(t, VFIO_DEVICE_STATE_RESUMING);
		VFIO_ASSERT_EQ(write(t->data_fd, s.data, s.size),
			       (ssize_t)s.size);
		free(s.data);
		return;
	}
	set_state(t, state);
}

static int precopy_info(test_data *t, struct vfio_precopy_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return ioctl(t->data_fd, VFIO_MIG_GET_PRECOPY_INFO, info) ? -errno : 0;
}

FIXTURE_SETUP(vfio_pci_migration_test)
{
	struct vfio_device_feature_migration migration = {};

	self->data_fd = -1;
	self->iommu = iommu_init(default_iommu_mode);
	self->device = vfio_pci_device_init(device_bdf, self->iommu);

	if (feature(self->device->fd, VFIO_DEVICE_FEATURE_GET |
		    VFIO_DEVICE_FEATURE_MIGRATION, &migration,
		    sizeof(migration)))
		SKIP(return, "The device does not support migration\n");

	self->flags = migration.flags;
}

FIXTURE_TEARDOWN(vfio_pci_migration_test)
{
	close_data_fd(self);
	vfio_pci_device_cleanup(self->device);
	iommu_cleanup(self->iommu);
}

TEST_F(vfio_pci_migration_test, flags)
{
	ASSERT_TRUE(self->flags & VFIO_MIGRATION_STOP_COPY);
	check_state(self, VFIO_DEVICE_STATE_RUNNING);
}

/* Every pair of states is reached, or refused and the state is kept. */
TEST_F(vfio_pci_migration_test, state_pairs)
{
	bool new_fd, blocked;
	u32 from, to;
	int ret;

	for_each_state(from) {
		for_each_state(to) {
			if (!has_state(self, from))
				continue;

			reach_state(self, from);
			ret = try_set_state(self, to, &new_fd);
			blocked = !has_state(self, to) ||
				  (from == VFIO_DEVICE_STATE_STOP_COPY &&
				   is_precopy(to));
			ASSERT_EQ(blocked, !!ret);
			check_state(self, blocked ? from : to);
			ASSERT_EQ(new_fd, !blocked && starts_session(from, to));

			close_data_fd(self);
			vfio_pci_device_reset(self->device);
		}
	}
}

TEST_F(vfio_pci_migration_test, invalid_states)
{
	static const u32 invalid[] = {
		VFIO_DEVICE_STATE_ERROR, VFIO_DEVICE_STATE_NR, 99, ~0U,
	};
	bool new_fd;
	u32 from;
	int i;

	for_each_state(from) {
		if (!has_state(self, from))
			continue;

		reach_state(self, from);
		for (i = 0; i < ARRAY_SIZE(invalid); i++) {
			ASSERT_NE(try_set_state(self, invalid[i], &new_fd), 0);
			check_state(self, from);
		}

		close_data_fd(self);
		vfio_pci_device_reset(self->device);
	}
}

/* VFIO_DEVICE_RESET goes to RUNNING from each state, and ends a session. */
TEST_F(vfio_pci_migration_test, reset)
{
	char buf[16] = {};
	u32 state;

	for_each_state(state) {
		if (!has_state(self, state))
			continue;

		reach_state(self, state);
		vfio_pci_device_reset(self->device);
		check_state(self, VFIO_DEVICE_STATE_RUNNING);

		if (is_saving(state)) {
			ASSERT_LE(read(self->data_fd, buf, sizeof(buf)), 0);
		} else if (state == VFIO_DEVICE_STATE_RESUMING) {
			ASSERT_LT(write(self->data_fd, buf, sizeof(buf)), 0);
		}
		close_data_fd(self);
	}
}

/* Saved twice, since the first session's file must not see the second. */
TEST_F(vfio_pci_migration_test, sessions)
{
	struct stream s = {};
	char buf[16];
	int old_fd;

	set_state(self, VFIO_DEVICE_STATE_STOP_COPY);
	old_fd = self->data_fd;
	ASSERT_GE(old_fd, 0);
	self->data_fd = -1;

	set_state(self, VFIO_DEVICE_STATE_STOP);
	ASSERT_LE(read(old_fd, buf, sizeof(buf)), 0);

	set_state(self, VFIO_DEVICE_STATE_STOP_COPY);
	ASSERT_GE(self->data_fd, 0);
	ASSERT_LE(read(old_fd, buf, sizeof(buf)), 0);
	ASSERT_EQ(close(old_fd), 0);

	read_stream(self, &s);
	ASSERT_GT(s.size, 0);
	free(s.data);
}

TEST_F(vfio_pci_migration_test, end_of_stream)
{
	struct stream s = {};
	struct pollfd p;
	char c;
	int i;

	set_state(self, VFIO_DEVICE_STATE_STOP_COPY);
	read_stream(self, &s);
	ASSERT_GT(s.size, 0);

	p = (struct pollfd) { .fd = self->data_fd, .events = POLLIN };
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(read(self->data_fd, &c, 1), 0);
		ASSERT_EQ(poll(&p, 1, 1000), 1);
		ASSERT_TRUE(p.revents & POLLIN);
	}
	check_state(self, VFIO_DEVICE_STATE_STOP_COPY);
	free(s.data);
}

/* Buffers of the writes need not be those of the reads. */
TEST_F(vfio_pci_migration_test, save_and_load)
{
	static const size_t steps[] = { READ_SIZE, 4093, 61 };
	struct stream s = {};
	int i;

	save(self, &s);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(load(self, &s, s.size, steps[i]), 0);
		check_state(self, VFIO_DEVICE_STATE_STOP);
		set_state(self, VFIO_DEVICE_STATE_RUNNING);
	}
	free(s.data);
}

/* A stream that is cut off is refused. A reset always recovers the device. */
TEST_F(vfio_pci_migration_test, incomplete_stream)
{
	struct stream s = {};
	int i;

	save(self, &s);
	ASSERT_GT(s.size, 0);
	set_state(self, VFIO_DEVICE_STATE_RUNNING);

	for (i = 0; i < 3; i++) {
		size_t size = i ? s.size * i / 3 : s.size - 1;

		if (!size)
			continue;

		ASSERT_NE(load(self, &s, size, READ_SIZE), 0);
		close_data_fd(self);
		vfio_pci_device_reset(self->device);
		check_state(self, VFIO_DEVICE_STATE_RUNNING);

		ASSERT_EQ(load(self, &s, s.size, READ_SIZE), 0);
		set_state(self, VFIO_DEVICE_STATE_RUNNING);
	}
	free(s.data);
}

TEST_F(vfio_pci_migration_test, precopy)
{
	struct vfio_precopy_info info;
	struct stream s = {};
	bool new_fd;
	ssize_t n;

	if (!(self->flags & VFIO_MIGRATION_PRE_COPY))
		SKIP(return, "The device does not support PRE_COPY\n");

	set_state(self, VFIO_DEVICE_STATE_PRE_COPY);
	ASSERT_GE(self->data_fd, 0);
	ASSERT_EQ(precopy_info(self, &info), 0);
	ASSERT_GT(info.initial_bytes, 0);

	s.data = malloc(READ_SIZE);
	ASSERT_NE(s.data, NULL);
	n = read(self->data_fd, s.data, READ_SIZE);
	/* 0 would be the end of the stream, which there is none yet. */
	ASSERT_NE(n, 0);
	if (n < 0) {
		ASSERT_EQ(errno, ENOMSG);
	}
	s.size = n > 0 ? n : 0;

	/* The session goes on, and is one stream. */
	ASSERT_EQ(try_set_state(self, VFIO_DEVICE_STATE_STOP_COPY, &new_fd), 0);
	ASSERT_FALSE(new_fd);
	ASSERT_EQ(precopy_info(self, &info), -EINVAL);
	read_stream(self, &s);
	set_state(self, VFIO_DEVICE_STATE_STOP);
	ASSERT_EQ(load(self, &s, s.size, READ_SIZE), 0);
	set_state(self, VFIO_DEVICE_STATE_RUNNING);
	free(s.data);
}

TEST_F(vfio_pci_migration_test, data_size)
{
	struct vfio_device_feature_mig_data_size size = {};
	u32 flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE;
	u32 state;

	if (feature(self->device->fd, flags | VFIO_DEVICE_FEATURE_PROBE, &size,
		    sizeof(size)))
		SKIP(return, "The device does not tell its data size\n");

	for_each_state(state) {
		if (!has_state(self, state))
			continue;

		reach_state(self, state);
		ASSERT_EQ(feature(self->device->fd, flags, &size,
				  sizeof(size)), 0);
		close_data_fd(self);
		vfio_pci_device_reset(self->device);
	}
}

int main(int argc, char *argv[])
{
	device_bdf = vfio_selftests_get_bdf(&argc, argv);
	return test_harness_run(argc, argv);
}
