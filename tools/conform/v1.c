// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration region (v1), as user space knew it from Linux 5.8 on: four registers, and a data
 * section.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio-user.h"

#define REG(member)	offsetof(struct v1_regs, member)

const char *v1_name(uint32_t state)
{
	static const char * const names[] = {
		"_STOP", "_RUNNING", "_SAVING", "_SAVING|_RUNNING", "_RESUMING",
		"_RESUMING|_RUNNING", "_RESUMING|_SAVING", "all bits",
	};

	return state < 8 ? names[state] : "reserved bits";
}

static void look_at(struct vdev *v, const struct vfio_region_info *r)
{
	uint32_t type = 0, subtype = 0, off = r->cap_offset;
	uint64_t data = 0, size = 0;

	while (off && off < r->argsz) {
		const struct vfio_info_cap_header *h = (const void *)((const uint8_t *)r + off);
		const struct vfio_region_info_cap_type *t = (const void *)h;
		const struct vfio_region_info_cap_sparse_mmap *s = (const void *)h;

		if (h->id == VFIO_REGION_INFO_CAP_TYPE) {
			type = t->type;
			subtype = t->subtype;
		} else if (h->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP && s->nr_areas) {
			data = s->areas[0].offset;
			size = s->areas[0].size;
		}
		off = h->next > off ? h->next : 0;
	}
	if (type != V1_REGION_TYPE || subtype != V1_REGION_SUBTYPE)
		return;
	v->v1 = (struct region) { r->offset, r->size, r->flags };
	v->v1_data = data;
	v->v1_mapped = size;
}

void v1_find(struct vdev *v)
{
	union {
		struct vfio_region_info r;
		uint64_t room[128];
	} info;

	v->v1.size = 0;
	if (!(v->info.flags & VFIO_DEVICE_FLAGS_PCI))
		return;
	for (uint32_t i = VFIO_PCI_NUM_REGIONS; i < v->info.num_regions && i < 64; i++) {
		memset(&info, 0, sizeof(info));
		info.r.argsz = sizeof(info);
		info.r.index = i;
		if (!ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, &info) &&
		    (info.r.flags & VFIO_REGION_INFO_FLAG_CAPS))
			look_at(v, &info.r);
	}
}

int v1_get(struct vdev *v, size_t off, void *value, size_t width)
{
	ssize_t n = pread(v->fd, value, width, v->v1.at + off);

	return n < 0 ? errno : n == (ssize_t)width ? 0 : EIO;
}

int v1_put(struct vdev *v, size_t off, uint64_t value, size_t width)
{
	ssize_t n = pwrite(v->fd, &value, width, v->v1.at + off);

	return n < 0 ? errno : n == (ssize_t)width ? 0 : EIO;
}

int v1_state(struct vdev *v, uint32_t state)
{
	return v1_put(v, REG(device_state), state, 4);
}

void v1_is(struct vdev *v, uint32_t state)
{
	uint32_t now = 0;
	int err = v1_get(v, REG(device_state), &now, 4);

	if (err)
		bad("reading device_state: %s", ename(err));
	if (now != state)
		bad("device_state is 0x%x (%s), not %s", now, v1_name(now), v1_name(state));
}

void v1_must(struct vdev *v, uint32_t state)
{
	int err = v1_state(v, state);

	if (err)
		bad("device_state to %s: %s", v1_name(state), ename(err));
	v1_is(v, state);
}

bool v1_calm(struct vdev *v)
{
	uint32_t now = ~0;

	if (!v->v1.size)
		return true;
	v1_get(v, REG(device_state), &now, 4);
	if (now == V1_RUNNING)
		return true;
	if (reset_by_ioctl(v))
		v1_state(v, V1_RUNNING);
	v1_get(v, REG(device_state), &now, 4);
	return now == V1_RUNNING;
}

static void copy_mapped(struct vdev *v, struct bytes *b, uint64_t off, uint64_t size)
{
	void *map = mmap(NULL, v->v1_mapped, PROT_READ, MAP_SHARED, v->fd,
			 v->v1.at + v->v1_data);

	if (map == MAP_FAILED)
		bad("mmap of the data section: %s", ename(errno));
	bytes_add(b, (uint8_t *)map + (off - v->v1_data), size);
	munmap(map, v->v1_mapped);
}

/* pending_bytes says the same again if the device stands still */
static int get_pending(struct vdev *v, uint64_t *pending)
{
	uint32_t state = 0;
	uint64_t again = 0;
	int err;

	err = v1_get(v, REG(pending_bytes), pending, 8) ?: v1_get(v, REG(pending_bytes), &again, 8) ?:
	      v1_get(v, REG(device_state), &state, 4);
	if (!err && *pending != again && !(state & V1_RUNNING))
		bad("pending_bytes changes by being read: %llu, %llu",
		    (unsigned long long)*pending, (unsigned long long)again);
	return err;
}

static int copy_read(struct vdev *v, struct bytes *b, uint64_t off, uint64_t size)
{
	static uint8_t buf[1 << 20];
	ssize_t got;

	for (; size; size -= got, off += got) {
		got = pread(v->fd, buf, size < sizeof(buf) ? size : sizeof(buf), v->v1.at + off);
		if (!got)
			bad("reading the data section: 0 bytes");
		if (got < 0)
			return -errno;
		bytes_add(b, buf, got);
	}
	return 1;
}

/* One iteration of the sequence a to f */
int v1_step(struct vdev *v, struct bytes *b, bool mapped)
{
	uint64_t pending = 0, off = 0, size = 0;
	int err = get_pending(v, &pending);

	if (err || !pending)
		return -err;
	err = v1_get(v, REG(data_offset), &off, 8) ?: v1_get(v, REG(data_size), &size, 8);
	if (err)
		return -err;
	if (off < sizeof(struct v1_regs) || off >= v->v1.size || size > v->v1.size - off)
		bad("data_offset 0x%llx and data_size 0x%llx are outside of the region",
		    (unsigned long long)off, (unsigned long long)size);
	if (!mapped)
		return copy_read(v, b, off, size);
	if (off < v->v1_data || off + size > v->v1_data + v->v1_mapped)
		bad("the data is not where it can be mapped");
	copy_mapped(v, b, off, size);
	return 1;
}

void v1_read_all(struct vdev *v, struct bytes *b, bool mapped)
{
	unsigned int idle = 0;
	size_t before;
	int ret;

	for (;;) {
		before = b->n;
		ret = v1_step(v, b, mapped);
		if (ret < 0)
			bad("the migration region: %s after %zu bytes", ename(-ret), b->n);
		if (!ret)
			return;
		idle = b->n == before ? idle + 1 : 0;
		if (idle > 1000)
			bad("pending_bytes is not 0, but 1000 iterations have given no data");
	}
}

int v1_write_all(struct vdev *v, const struct bytes *b, bool mapped)
{
	size_t done = 0, n, max;
	uint64_t off = 0;
	void *map;
	int err;

	while (done < b->n) {
		err = v1_get(v, REG(data_offset), &off, 8);
		if (err)
			return err;
		if (off < sizeof(struct v1_regs) || off >= v->v1.size)
			bad("data_offset 0x%llx is outside of the region", (unsigned long long)off);
		max = mapped ? v->v1_mapped : v->v1.size - off;
		n = b->n - done < max ? b->n - done : max;
		if (mapped) {
			map = mmap(NULL, v->v1_mapped, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
				   v->v1.at + v->v1_data);
			if (map == MAP_FAILED)
				bad("mmap of the data section: %s", ename(errno));
			memcpy((uint8_t *)map + (off - v->v1_data), b->at + done, n);
			munmap(map, v->v1_mapped);
		} else if (pwrite(v->fd, b->at + done, n, v->v1.at + off) != (ssize_t)n) {
			return errno ? errno : EIO;
		}
		err = v1_put(v, REG(data_size), n, 8);
		if (err)
			return err;
		done += n;
	}
	return 0;
}

void v1_save(struct vdev *v, struct bytes *b, bool mapped)
{
	b->n = 0;
	v1_must(v, V1_SAVING);
	v1_read_all(v, b, mapped);
	if (!b->n)
		bad("no data in _SAVING");
	v1_must(v, V1_STOP);
}

void v1_load(struct vdev *v, const struct bytes *b, bool mapped)
{
	int err;

	v1_must(v, V1_RESUMING);
	err = v1_write_all(v, b, mapped);
	if (err)
		bad("writing data that was read, unchanged: %s", ename(err));
	v1_must(v, V1_RUNNING);
	if (user_hooks.ready)
		user_hooks.ready(v);
}
