/* SPDX-License-Identifier: GPL-2.0-only */
/* The migration features (v2) and their data files, for vfio-mig.c. */
static const char * const states[] = {
	"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING", "RUNNING_P2P",
	"PRE_COPY", "PRE_COPY_P2P",
};

static unsigned int state_number(const char *name)
{
	for (unsigned int i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (!strcmp(name, states[i]))
			return i;
	}
	return strtoul(name, NULL, 0);
}

struct feature {
	struct vfio_device_feature head;
	union {
		struct vfio_device_feature_migration migration;
		struct vfio_device_feature_mig_state state;
		uint64_t size;
		uint64_t words[4];
	};
};

static int feature(struct feature *f, uint32_t number, uint32_t flags, size_t size)
{
	f->head.argsz = sizeof(f->head) + size;
	f->head.flags = number | flags;
	return ioctl(device, VFIO_DEVICE_FEATURE, f) < 0 ? errno : 0;
}

static void do_state(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			  VFIO_DEVICE_FEATURE_GET, sizeof(f.state));

	if (err)
		bad("%s", strerror(err));
	if (f.state.device_state >= sizeof(states) / sizeof(*states))
		bad("state %u", f.state.device_state);
	if (!wanted)
		say("state=%s\n", states[f.state.device_state]);
	else if (!one_of(states[f.state.device_state], wanted))
		bad("the state is %s, expected %s", states[f.state.device_state], wanted);
}

static bool got_data_fd;

static void do_set(const char *state, const char *wanted)
{
	struct feature f = { 0 };
	int err;

	f.state.device_state = state_number(state);
	f.state.data_fd = -1;
	err = feature(&f, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		      VFIO_DEVICE_FEATURE_SET, sizeof(f.state));
	expect(err, wanted);
	got_data_fd = !err && (int)f.state.data_fd >= 0;
	if (got_data_fd) {
		if (data_fd >= 0)
			close(data_fd);
		data_fd = f.state.data_fd;
	}
}

static void do_flags(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, VFIO_DEVICE_FEATURE_MIGRATION, VFIO_DEVICE_FEATURE_GET,
			  sizeof(f.migration));

	if (wanted && *wanted == 'E') {
		expect(err, wanted);
		return;
	}
	if (err)
		bad("%s", strerror(err));
	if (!wanted)
		say("flags=%llu\n", (unsigned long long)f.migration.flags);
	else if (f.migration.flags != strtoull(wanted, NULL, 0))
		bad("flags are %llu", (unsigned long long)f.migration.flags);
}

static void do_size(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, FEATURE_MIG_DATA_SIZE, VFIO_DEVICE_FEATURE_GET,
			  sizeof(f.size));

	expect(err, wanted);
	if (err)
		return;
	if (!f.size)
		bad("the size is 0");
	say("size=%llu\n", (unsigned long long)f.size);
}

static int get_info(struct precopy_info *info)
{
	*info = (struct precopy_info) { .argsz = sizeof(*info) };
	return ioctl(data_fd, GET_PRECOPY_INFO, info) ? errno : 0;
}

static void do_info(const char *wanted)
{
	struct precopy_info info;

	expect(get_info(&info), wanted);
	if (!wanted)
		say("initial=%llu\ndirty=%llu\n", (unsigned long long)info.initial_bytes,
		    (unsigned long long)info.dirty_bytes);
}

static void do_read(const char *path, bool more, size_t limit, const char *wanted)
{
	static char buf[1 << 20];
	size_t total = 0;
	int err = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (more ? O_APPEND : O_TRUNC), 0600);

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	while (total < limit) {
		size_t n = limit - total < sizeof(buf) ? limit - total : sizeof(buf);
		ssize_t got = read(data_fd, buf, n);

		if (got < 0)
			err = errno;
		if (got <= 0)
			break;
		if (write(fd, buf, got) != got)
			bad("%s: %s", path, strerror(errno));
		total += got;
	}
	close(fd);
	if (!as_wanted(err, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(err), total,
		    wanted ? wanted : "success");
	say("read=%zu\n", total);
}

static void do_write(const char *path, size_t chunk, const char *wanted)
{
	static char buf[1 << 20];
	int err = 0;
	size_t total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	if (!chunk || chunk > sizeof(buf))
		chunk = sizeof(buf);
	while (!err && (n = read(fd, buf, chunk)) > 0) {
		for (ssize_t off = 0; off < n;) {
			ssize_t done = write(data_fd, buf + off, n - off);

			if (done < 0) {
				err = errno;
				break;
			}
			off += done;
			total += done;
		}
	}
	close(fd);
	if (!as_wanted(err, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(err), total,
		    wanted ? wanted : "success");
	say("written=%zu\n", total);
	engine_ready = false;	/* it is the saved one from now on */
	ring_pos = 0;
}
