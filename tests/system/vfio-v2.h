/* SPDX-License-Identifier: GPL-2.0-only */
/* The migration features (v2) and their migration files, for vfio-mig.c. */
static int state_number(const char *name)
{
	for (int i = 0; i < MAX_STATES; i++) {
		if (!strcmp(name, state_names[i]))
			return i;
	}
	return strtoul(name, NULL, 0);
}

static void do_state(const char *wanted)
{
	int state, fd, err = v2_get(&source, &state, &fd);

	if (err)
		bad("%s", strerror(err));
	if (state < 0 || state >= MAX_STATES)
		bad("state %d", state);
	if (!wanted)
		say("state=%s\n", state_names[state]);
	else if (!one_of(state_names[state], wanted))
		bad("the state is %s, expected %s", state_names[state], wanted);
}

static bool got_data_fd;

static void do_set(const char *state, const char *wanted)
{
	expect(v2_try(&source, state_number(state), &got_data_fd), wanted);
}

static void do_flags(const char *wanted)
{
	uint64_t flags = 0;
	int err = v2_feature(&source, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_GET, &flags, sizeof(flags));

	if (wanted && *wanted == 'E') {
		expect(err, wanted);
		return;
	}
	if (err)
		bad("%s", strerror(err));
	if (!wanted)
		say("flags=%llu\n", (unsigned long long)flags);
	else if (flags != strtoull(wanted, NULL, 0))
		bad("flags are %llu", (unsigned long long)flags);
}

static void do_size(const char *wanted)
{
	uint64_t size = 0;
	int err = v2_feature(&source, FEATURE_DATA_SIZE | VFIO_DEVICE_FEATURE_GET, &size, sizeof(size));

	expect(err, wanted);
	if (err)
		return;
	if (!size)
		bad("the size is 0");
	say("size=%llu\n", (unsigned long long)size);
}

static void precopy_v2(const char *wanted)
{
	expect(v2_feature(&source, FEATURE_PRECOPY_V2 | VFIO_DEVICE_FEATURE_SET, NULL, 0), wanted);
}

static int get_info(struct precopy_info *info)
{
	*info = (struct precopy_info) { .argsz = sizeof(*info) };
	return ioctl(source.data_fd, GET_PRECOPY_INFO, info) ? errno : 0;
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
	struct bytes b = { 0 };
	size_t total = 0;
	long got = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (more ? O_APPEND : O_TRUNC), 0600);

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	while (total < limit) {
		b.n = 0;
		got = v2_read_some(&source, &b, limit - total);
		if (got <= 0)
			break;
		if (write(fd, b.at, got) != got)
			bad("%s: %s", path, strerror(errno));
		total += got;
	}
	close(fd);
	free(b.at);
	if (!as_wanted(got < 0 ? -got : 0, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(got < 0 ? -got : 0), total,
		    wanted ? wanted : "success");
	say("read=%zu\n", total);
}

static void do_write(const char *path, size_t chunk, const char *wanted)
{
	static uint8_t buf[1 << 20];
	int err = 0;
	size_t total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	if (!chunk || chunk > sizeof(buf))
		chunk = sizeof(buf);
	while (!err && (n = read(fd, buf, chunk)) > 0) {
		err = v2_write_all(&source, buf, n, 0);
		total += err ? 0 : n;
	}
	close(fd);
	if (!as_wanted(err, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(err), total,
		    wanted ? wanted : "success");
	say("written=%zu\n", total);
	engine_ready = false;	/* it is the saved one from now on */
	ring_pos = 0;
}
