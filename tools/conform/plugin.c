// SPDX-License-Identifier: GPL-2.0-only
/* The workload of a device: one that is linked in, or a shared object. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conform.h"

/* What "make PLUGINS=" links in; NULL ends it */
extern const struct conform_plugin * const linked_plugins[];

static const struct conform_plugin *plugin;

struct bound {
	struct conform_dev dev;
	struct vdev *v;
	struct {
		uint64_t iova;
		size_t size;
		void *at;
	} memory[16];
	unsigned int n;
	struct {
		size_t size;
		void *at;
	} bars[8];
	unsigned int n_bars;
};

static struct bound bound[2];

bool plugin_load(const char *name)
{
#ifndef CONFORM_STATIC
	void *lib;
#endif

	for (int i = 0; linked_plugins[i]; i++) {
		if (!strcmp(linked_plugins[i]->name, name))
			plugin = linked_plugins[i];
	}
#ifndef CONFORM_STATIC
	if (!plugin) {
		lib = dlopen(name, RTLD_NOW);
		if (!lib)
			fprintf(stderr, "mdev-pci-conform: %s\n", dlerror());
		plugin = lib ? dlsym(lib, "conform_plugin_entry") : NULL;
	}
#endif
	if (!plugin) {
		fprintf(stderr, "mdev-pci-conform: %s: no plug-in of that name is linked in, and it is no shared object with conform_plugin_entry\n",
			name);
		return false;
	}
	if (plugin->abi != CONFORM_PLUGIN_ABI) {
		fprintf(stderr, "mdev-pci-conform: %s: ABI %u, this program has %u\n", name,
			plugin->abi, CONFORM_PLUGIN_ABI);
		return false;
	}
	return true;
}

unsigned int plugin_can(void)
{
	if (!plugin)
		return 0;
	return (plugin->work && plugin->digest ? NEED_WORK : 0) |
	       (plugin->begin && plugin->progress ? NEED_PROGRESS : 0) |
	       (plugin->begin && plugin->target ? NEED_TARGET : 0) | (plugin->dma ? NEED_DMA : 0);
}

static int do_read(struct conform_dev *dev, uint32_t region, uint64_t off, void *to, size_t n)
{
	struct bound *b = (struct bound *)dev;
	struct region r = vdev_region(b->v, region);

	if (off + n > r.size)
		return -EINVAL;
	return pread(dev->fd, to, n, r.at + off) == (ssize_t)n ? 0 : -EIO;
}

static int do_write(struct conform_dev *dev, uint32_t region, uint64_t off, const void *from,
		    size_t n)
{
	struct bound *b = (struct bound *)dev;
	struct region r = vdev_region(b->v, region);

	if (off + n > r.size)
		return -EINVAL;
	return pwrite(dev->fd, from, n, r.at + off) == (ssize_t)n ? 0 : -EIO;
}

static void *do_map_bar(struct conform_dev *dev, uint32_t region, size_t n)
{
	struct bound *b = (struct bound *)dev;
	struct region r = vdev_region(b->v, region);
	void *at;

	if (n > r.size || b->n_bars == sizeof(b->bars) / sizeof(b->bars[0]))
		return NULL;
	at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd, r.at);
	if (at == MAP_FAILED)
		return NULL;
	b->bars[b->n_bars].size = n;
	b->bars[b->n_bars++].at = at;
	return at;
}

static void *do_memory(struct conform_dev *dev, uint64_t iova, size_t size)
{
	struct bound *b = (struct bound *)dev;
	void *at;

	for (unsigned int i = 0; i < b->n; i++) {
		if (b->memory[i].iova == iova && b->memory[i].size >= size)
			return b->memory[i].at;
	}
	if (b->n == sizeof(b->memory) / sizeof(b->memory[0]))
		return NULL;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || vdev_map(b->v, iova, at, size))
		return NULL;
	b->memory[b->n].iova = iova;
	b->memory[b->n].size = size;
	b->memory[b->n++].at = at;
	return at;
}

static void do_say(struct conform_dev *dev, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	(void)dev;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note("%s: %s", plugin->name, text);
}

/* A device that was opened anew has none of the memory that it had */
static struct bound *of(struct vdev *v)
{
	struct bound *b = &bound[v == &destination];

	if (b->v == v && b->dev.fd == v->fd)
		return b;
	*b = (struct bound) {
		.dev = {
			.fd = v->fd,
			.arg = options.plugin_arg,
			.read = do_read,
			.write = do_write,
			.map_bar = do_map_bar,
			.memory = do_memory,
			.say = do_say,
		},
		.v = v,
	};
	return b;
}

/* A mapping would keep the device open */
void plugin_forget(struct vdev *v)
{
	struct bound *b = &bound[v == &destination];

	if (b->v != v)
		return;
	for (unsigned int i = 0; i < b->n_bars; i++)
		munmap(b->bars[i].at, b->bars[i].size);
	for (unsigned int i = 0; i < b->n; i++)
		munmap(b->memory[i].at, b->memory[i].size);
	b->v = NULL;
}

static void must(int ret, const char *what)
{
	if (ret)
		bad("the plug-in's %s: %s", what, ename(-ret));
}

void plugin_ready(struct vdev *v)
{
	if (plugin && plugin->ready)
		must(plugin->ready(&of(v)->dev), "ready");
}

void plugin_work(struct vdev *v, uint64_t seed)
{
	must(plugin->work(&of(v)->dev, seed), "work");
}

uint64_t plugin_digest(struct vdev *v)
{
	uint64_t digest = 0;

	must(plugin->digest(&of(v)->dev, &digest), "digest");
	return digest;
}

void plugin_begin(struct vdev *v)
{
	must(plugin->begin(&of(v)->dev), "begin");
}

uint64_t plugin_progress(struct vdev *v)
{
	uint64_t n = 0;

	must(plugin->progress(&of(v)->dev, &n), "progress");
	return n;
}

void *plugin_target(struct vdev *v, size_t *size)
{
	void *at = NULL;

	must(plugin->target(&of(v)->dev, &at, size), "target");
	return at;
}

void plugin_write(struct vdev *v, uint64_t iova, uint64_t size)
{
	must(plugin->dma(&of(v)->dev, iova, size), "dma");
}
