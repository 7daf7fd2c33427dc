// SPDX-License-Identifier: GPL-2.0-only
/* Device parts of virtio: what the check lets through, and each thing that it refuses */
#include <string.h>

#include "parts.h"
#include "tap.h"

#define MOST	4096

static u8 image[MOST];
static size_t image_bytes;

static void put(u64 value, unsigned int bytes)
{
	while (bytes--) {
		image[image_bytes++] = value;
		value >>= 8;
	}
}

static void header(u16 type, u8 flags, u64 selector, u32 length)
{
	put(type, 2);
	put(flags, 1);
	put(0, 1);
	put(selector, 8);
	put(length, 4);
}

static void part(u16 type, u64 selector, u64 value, u32 length)
{
	header(type, 0, selector, length);
	put(value, length);
}

static void queue(unsigned int index, u16 size, u16 enabled, u64 address)
{
	header(0x104, 0, index, 32);
	put(size, 2);
	put(1, 2);
	put(enabled, 2);
	put(0, 2);
	put(address, 8);
	put(address, 8);
	put(address, 8);
}

static void pad(void)
{
	while (image_bytes % 8)
		put(0, 1);
}

/* Up to the queues */
static void begin(unsigned int queues)
{
	image_bytes = 0;
	header(0x100, 1, 0, 8);
	put(0x330000000ull, 8);
	part(0x101, 0, 0x130000000ull, 8);
	part(0x102, 0, 1, 4);
	part(0x102, 16, 0, 2);
	part(0x102, 18, queues, 2);
	part(0x103, 0, 0xf, 1);
}

static void notify(unsigned int queues)
{
	for (unsigned int i = 0; i < queues; i++)
		part(0x105, i, i, 8);
}

static void whole(void)
{
	begin(2);
	queue(0, 128, 1, 0x1000);
	queue(1, 64, 0, 0);
	notify(2);
	part(0x5f0, 0, 42, 8);
	pad();
}

/* NULL: it must be let through */
static void judged(const char *expected)
{
	size_t at = 0;
	const char *why = virtio_parts_check(image, image_bytes, &at);

	if (!expected)
		CHECK(!why, "refused at %u: %s", (unsigned int)at, why);
	else
		CHECK(why && !strcmp(why, expected), "\"%s\" instead of \"%s\"", why ? why : "taken", expected);
	CHECK(at <= image_bytes, "offset %u of %u", (unsigned int)at, (unsigned int)image_bytes);
}

static void a_whole_state(void)
{
	whole();
	judged(NULL);
}

static void without_padding(void)
{
	begin(1);
	queue(0, 2, 1, 0x1000);
	header(0x300, 0, 0, 3);
	put(0xabcdef, 3);
	judged(NULL);
	CHECK_HELPER();
	pad();
	judged(NULL);
}

static void every_cut(void)
{
	size_t at;

	begin(1);
	queue(0, 128, 1, 0x1000);
	judged(NULL);
	CHECK_HELPER();
	while (image_bytes--)
		CHECK(virtio_parts_check(image, image_bytes, &at), "%u bytes are taken",
		      (unsigned int)image_bytes);
}

static void lengths(void)
{
	whole();
	image[12] = 0xff;
	image[15] = 0xff;
	judged("a part is cut off");
	CHECK_HELPER();
	whole();
	put(0, 8);
	judged("the last header is cut off");
	CHECK_HELPER();
	begin(1);
	queue(0, 2, 1, 0x1000);
	put(1, 1);
	judged("there is data behind the last part");
	CHECK_HELPER();
	image_bytes = 0;
	judged("the features are missing");
}

static void headers(void)
{
	whole();
	image[2] = 3;
	judged("a header has reserved bits");
	CHECK_HELPER();
	whole();
	image[3] = 1;
	judged("a header has reserved bits");
	CHECK_HELPER();
	begin(1);
	part(0x10f, 0, 0, 8);
	judged("an unknown part is not optional");
	CHECK_HELPER();
	begin(1);
	part(0x600, 0, 0, 8);
	judged("an unknown part is not optional");
	CHECK_HELPER();
	begin(1);
	header(0x600, 1, 0, 0);
	queue(0, 2, 1, 0);
	judged(NULL);
}

static void feature_sets(void)
{
	image_bytes = 0;
	part(0x101, 0, 0, 8);
	judged("the driver's features precede the device's");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	part(0x100, 0, 1, 8);
	judged("features come twice");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	part(0x101, 0, 3, 8);
	judged("the driver has features that the device has not offered");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	header(0x101, 0, 0, 16);
	put(1, 8);
	put(1, 8);
	judged("the driver has features that the device has not offered");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 7);
	judged("features are not an array of 1 to 8 words of 64 bits");
	CHECK_HELPER();
	image_bytes = 0;
	header(0x100, 0, 0, 0);
	judged("features are not an array of 1 to 8 words of 64 bits");
}

static void registers(void)
{
	static const struct {
		u64 selector;
		u32 length;
		const char *why;
	} cases[] = {
		{ 64, 4, "there is no such register" },
		{ 62, 4, "there is no such register" },
		{ 0xffffffff, 4, "there is no such register" },
		{ 4, 3, "there is no such register" },
		{ 4, 0, "there is no such register" },
		{ 6, 4, "there is no such register" },
		{ 1ull << 32 | 4, 4, "a register's selector has reserved bits" },
		{ 20, 1, "device_status is not a register here" },
		{ 16, 2, "a register comes twice" },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(1);
		part(0x102, cases[i].selector, 0, cases[i].length);
		judged(cases[i].why);
		CHECK_HELPER();
	}
	begin(0);
	judged("the device has no queues");
}

static void statuses(void)
{
	begin(1);
	part(0x103, 0, 0, 1);
	judged("the device status comes twice");
	CHECK_HELPER();
	begin(1);
	image[image_bytes - 1] = 0x10;
	judged("the device status is invalid");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x103, 0, 0, 2);
	judged("the device status is invalid");
}

static void queues_that_cannot_be(void)
{
	static const struct {
		unsigned int index;
		u16 size, enabled;
		u64 address;
		const char *why;
	} cases[] = {
		{ 1, 2, 1, 0, "a queue comes twice, out of order, or does not exist" },
		{ 1 << 16, 2, 1, 0, "a queue's selector has reserved bits" },
		{ 0, 0, 1, 0, "a queue's size or enable is out of range" },
		{ 0, 40000, 1, 0, "a queue's size or enable is out of range" },
		{ 0, 2, 2, 0, "a queue's size or enable is out of range" },
		{ 0, 3, 1, 0, "a split queue's size is not a power of 2" },
		{ 0, 2, 1, 0xfffffffffffffff0ull, "a queue's memory wraps around" },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(2);
		queue(cases[i].index, cases[i].size, cases[i].enabled, cases[i].address);
		judged(cases[i].why);
		CHECK_HELPER();
	}
	begin(1);
	queue(0, 2, 1, 0);
	queue(0, 2, 1, 0);
	judged("a queue comes twice, out of order, or does not exist");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	part(0x102, 18, 1, 2);
	queue(0, 3, 1, 0);
	part(0x101, 0, 1, 8);
	part(0x103, 0, 0xf, 1);
	judged("a split queue's size is not a power of 2");
	CHECK_HELPER();
	begin(1);
	part(0x104, 0, 0, 8);
	judged("a queue's configuration is invalid");
	CHECK_HELPER();
	image_bytes = 0;
	queue(0, 2, 1, 0);
	judged("a queue precedes the number of queues");
}

static void packed_queues(void)
{
	begin(1);
	/* Offered and accepted: bit 34 */
	image[16 + 4] |= 4;
	image[24 + 16 + 4] |= 4;
	queue(0, 3, 1, 0x1000);
	judged(NULL);
}

static void notifications(void)
{
	begin(2);
	queue(0, 2, 1, 0);
	queue(1, 2, 1, 0);
	judged(NULL);
	CHECK_HELPER();
	notify(1);
	judged("a notification is missing");
	CHECK_HELPER();
	part(0x105, 0, 0, 8);
	judged("a queue comes twice, out of order, or does not exist");
	CHECK_HELPER();
	begin(1);
	queue(0, 2, 1, 0);
	part(0x105, 0, 0, 4);
	judged("a queue's notification is invalid");
}

static void missing(void)
{
	begin(2);
	queue(0, 2, 1, 0);
	judged("a queue is missing");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	part(0x101, 0, 1, 8);
	part(0x102, 18, 1, 2);
	queue(0, 2, 1, 0);
	judged("the device status is missing");
	CHECK_HELPER();
	image_bytes = 0;
	part(0x100, 0, 1, 8);
	part(0x103, 0, 1, 1);
	judged("the features are missing");
	CHECK_HELPER();
	part(0x101, 0, 1, 8);
	judged("a queue is missing");
}

const struct test parts_tests[] = {
	TEST(a_whole_state, "device parts: a complete state is taken"),
	TEST(without_padding, "device parts: values of odd length, with padding and without"),
	TEST(every_cut, "device parts: a state that is cut off anywhere is refused"),
	TEST(lengths, "device parts: lengths that lead beyond the end are refused"),
	TEST(headers, "device parts: reserved bits and unknown parts are refused, optional ones taken"),
	TEST(feature_sets, "device parts: features that were not offered are refused"),
	TEST(registers, "device parts: registers that do not exist, or come twice, are refused"),
	TEST(statuses, "device parts: a device has one status"),
	TEST(queues_that_cannot_be, "device parts: queues that cannot exist are refused"),
	TEST(packed_queues, "device parts: packed queues have any size"),
	TEST(notifications, "device parts: notifications are those of the queues"),
	TEST(missing, "device parts: a state without its mandatory parts is refused"),
	{ }
};
