// SPDX-License-Identifier: GPL-2.0-only
/* Points: VFIO_DEVICE_FEATURE and what it says of migration. */
#include <errno.h>

#include "conform.h"

static void flags(const struct point *p)
{
	(void)p;
	if (!(source.flags & MIG_STOP_COPY))
		bad("flags are 0x%llx", (unsigned long long)source.flags);
	if (source.flags & ~(uint64_t)(MIG_STOP_COPY | MIG_P2P | MIG_PRE_COPY))
		note("flags 0x%llx has bits that this program does not know",
		     (unsigned long long)source.flags);
}

static void probe(const struct point *p)
{
	static const uint32_t both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	int err;

	(void)p;
	err = v2_feature(&source, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_PROBE |
			 VFIO_DEVICE_FEATURE_GET, NULL, 0);
	if (err)
		bad("PROBE|GET of MIGRATION: %s", ename(err));
	err = v2_feature(&source, FEATURE_STATE | VFIO_DEVICE_FEATURE_PROBE | both, NULL, 0);
	if (err)
		bad("PROBE|GET|SET of MIG_DEVICE_STATE: %s", ename(err));
}

static void no_set(const struct point *p)
{
	uint64_t value = MIG_STOP_COPY;

	(void)p;
	if (!v2_feature(&source, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_PROBE |
			VFIO_DEVICE_FEATURE_SET, NULL, 0))
		bad("PROBE|SET of MIGRATION, which has only GET, succeeds");
	if (!v2_feature(&source, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_SET, &value, sizeof(value)))
		bad("SET of MIGRATION succeeds");
}

static void exclusive(const struct point *p)
{
	struct mig_state s = { .state = ST_RUNNING, .data_fd = -1 };

	(void)p;
	if (!v2_feature(&source, FEATURE_STATE | VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET,
			&s, sizeof(s)))
		bad("GET|SET of MIG_DEVICE_STATE succeeds");
	v2_is(&source, ST_RUNNING);
}

static void unknown(const struct point *p)
{
	(void)p;
	if (!v2_feature(&source, 0xfff0 | VFIO_DEVICE_FEATURE_PROBE, NULL, 0))
		bad("PROBE of feature 0xfff0, which there is not, succeeds");
}

static void too_small(const struct point *p)
{
	struct mig_state s = { .state = ST_STOP, .data_fd = -1 };

	(void)p;
	if (!v2_feature(&source, FEATURE_STATE | VFIO_DEVICE_FEATURE_SET, &s, 4))
		bad("SET of MIG_DEVICE_STATE with argsz for half of it succeeds");
	v2_is(&source, ST_RUNNING);
	if (!v2_feature(&source, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_GET, &s, 4))
		bad("GET of MIGRATION with argsz for half of it succeeds");
}

static void says_reset(const struct point *p)
{
	(void)p;
	if (!(source.info.flags & VFIO_DEVICE_FLAGS_RESET))
		bad("VFIO_DEVICE_GET_INFO does not have VFIO_DEVICE_FLAGS_RESET; VFIO_DEVICE_RESET %s",
		    source.resets ? "succeeds" : "fails");
}

static const struct point table[] = {
	{ "features.flags", "MIGRATION has at least STOP_COPY",
	  "Support for additional states is indicated via the flags field; at least VFIO_MIGRATION_STOP_COPY must be set.",
	  NEED_V2, 10, flags, 0, 0 },
	{ "features.probe", "PROBE succeeds for each feature that the device has",
	  "Probing a feature will return success if the feature is supported and all of the optionally indicated GET/SET methods are supported.",
	  NEED_V2, 10, probe, 0, 0 },
	{ "features.no-set", "MIGRATION can't be set, and PROBE says so",
	  "Probing a feature will return success if the feature is supported and all of the optionally indicated GET/SET methods are supported.",
	  NEED_V2, 10, no_set, 0, 0 },
	{ "features.exclusive", "GET and SET together are refused",
	  "GET and SET are mutually exclusive, except for use with PROBE.",
	  NEED_V2, 10, exclusive, 0, 0 },
	{ "features.unknown", "an unknown feature is refused",
	  "Probing a feature will return success if the feature is supported and all of the optionally indicated GET/SET methods are supported.",
	  0, 10, unknown, 0, 0 },
	{ "features.argsz", "a structure that is too small is refused, and changes nothing",
	  "Get, set, or probe feature data of the device. [...] The format of the data portion of the structure is specific to the given feature.",
	  NEED_V2, 10, too_small, 0, 0 },
	{ "features.reset", "the device says that it can be reset",
	  "To recover from ERROR VFIO_DEVICE_RESET must be used to return the device_state back to RUNNING. [...] VFIO_DEVICE_FLAGS_RESET: Device supports reset",
	  NEED_V2, 10, says_reset, 0, 0 },
};

POINTS(points_features, table);
