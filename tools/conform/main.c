// SPDX-License-Identifier: GPL-2.0-only
/* mdev-pci-conform: the command line. See mdev-pci-conform(8). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

struct options options = {
	.rounds = 1000,
};

static const struct option longs[] = {
	{ "destination", required_argument, NULL, 'd' },
	{ "plugin", required_argument, NULL, 'p' },
	{ "plugin-arg", required_argument, NULL, 'a' },
	{ "only", required_argument, NULL, 'o' },
	{ "except", required_argument, NULL, 'x' },
	{ "json", required_argument, NULL, 'j' },
	{ "foreign", required_argument, NULL, 'f' },
	{ "save", required_argument, NULL, 's' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "patience", required_argument, NULL, 't' },
	{ "max-state", required_argument, NULL, 'm' },
	{ "group", no_argument, NULL, 'g' },
	{ "cdev", no_argument, NULL, 'c' },
	{ "list", no_argument, NULL, 'l' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: mdev-pci-conform [OPTIONS] DEVICE\n"
		"Checks a migratable VFIO device against the uapi. DEVICE: an mdev's UUID, a PCI address,\n"
		"/dev/vfio/devices/vfioN, or a directory in sysfs.\n"
		"  --destination DEVICE  load streams into this device\n"
		"  --plugin FILE         the device's workload: a shared object, or the name of a linked-in plug-in\n"
		"  --plugin-arg TEXT     argument of the plug-in\n"
		"  --only PATTERN        only matching points, such as \"states.*\"; repeatable\n"
		"  --except PATTERN      leave out matching points; repeatable\n"
		"  --rounds N            round trips (default 1000)\n"
		"  --patience N          wait N times as long\n"
		"  --max-state BYTES     a longer stream counts as endless (default 1 GiB)\n"
		"  --foreign FILE        a stream of another device, which must be refused\n"
		"  --save FILE           write a stream of this device to FILE\n"
		"  --json FILE           write the results as JSON to FILE\n"
		"  --group, --cdev       open the device by its IOMMU group or its character device\n"
		"  --list                list the points with their sentences of the uapi\n"
		"  --quiet               print no notes and latencies\n"
		"Status: 0 all passed; 1 a point failed; 2 wrong usage; 3 the device can't be opened, or\n"
		"hangs; 4 all points were skipped.\n");
}

static unsigned long long number(const char *s, unsigned long long max)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 0);

	if (!*s || *end || !n || n > max) {
		fprintf(stderr, "mdev-pci-conform: \"%s\": must be a number from 1 to %llu\n", s, max);
		exit(2);
	}
	return n;
}

static void add(const char **list, int *n, const char *pattern)
{
	if (*n == 16) {
		fprintf(stderr, "mdev-pci-conform: more than 16 patterns\n");
		exit(2);
	}
	list[(*n)++] = pattern;
}

static void parse(int c)
{
	switch (c) {
	case 'd':
		options.destination = optarg;
		break;
	case 'p':
		options.plugin = optarg;
		break;
	case 'a':
		options.plugin_arg = optarg;
		break;
	case 'o':
		add(options.only, &options.n_only, optarg);
		break;
	case 'x':
		add(options.except, &options.n_except, optarg);
		break;
	case 'j':
		options.json = optarg;
		break;
	case 'f':
		options.foreign = optarg;
		break;
	case 's':
		options.save = optarg;
		break;
	case 'r':
		options.rounds = number(optarg, 1000000);
		break;
	case 't':
		user_patience = number(optarg, 1000);
		break;
	case 'm':
		user_max_state = number(optarg, 1ULL << 40);
		break;
	case 'g':
		options.group = true;
		break;
	case 'c':
		options.cdev = true;
		break;
	case 'l':
		options.list = true;
		break;
	case 'q':
		options.quiet = true;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int c;

	user_hooks = (struct user_hooks) { plugin_ready, plugin_forget, latency };
	user_max_state = 1ULL << 30;

	while ((c = getopt_long(argc, argv, "hlq", longs, NULL)) != -1)
		parse(c);
	if (options.list)
		return run_all();
	if (optind != argc - 1 || (options.group && options.cdev)) {
		usage(stderr);
		return 2;
	}
	options.device = argv[optind];
	if (options.plugin && !plugin_load(options.plugin))
		return 2;
	if (vdev_find(&source, options.device, options.group, options.cdev))
		return 3;
	if (options.destination &&
	    vdev_find(&destination, options.destination, options.group, options.cdev))
		return 3;
	return run_all();
}
