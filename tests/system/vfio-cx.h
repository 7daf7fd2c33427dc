/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ConnectX VF as its driver would use it, for vfio-mig.c: a command queue of one slot that polls.
 * The number that a PD gets is state of the VF: one that was lost or is stale shows at the next.
 */
#include <endian.h>

#define CX_IOVA		0x40000000ULL
#define CX_MEMORY	(64 * 4096)	/* a word of a bitmap */
#define CX_ENTRY	64
#define CX_ISEG_QUEUE	0x10
#define CX_ISEG_BELL	0x18

static uint8_t *cx_memory;
static bool cx_running;		/* the function is initialized, here or in the state that was loaded */
static unsigned int cx_at;	/* page of the queue */
static unsigned int cx_last;	/* number of the last PD */

static void cx_map(void)
{
	int err;

	if (cx_memory)
		return;
	cx_memory = mmap(NULL, CX_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cx_memory == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	err = vdev_map(&source, CX_IOVA, cx_memory, CX_MEMORY);
	if (err)
		bad("mapping for DMA: %s", strerror(err));
}

static void cx_write(unsigned int off, uint32_t v)
{
	wr32(off, htobe32(v));
}

/* The command's status; -1: no answer, 0x100 and more: it was not delivered */
static int cx_command(uint16_t op, uint16_t mod, uint32_t word, uint32_t out[4])
{
	volatile uint8_t *entry = cx_memory + cx_at * 4096;
	volatile uint32_t *w = (volatile uint32_t *)entry;

	for (int i = 0; i < CX_ENTRY / 4; i++)
		w[i] = 0;
	entry[0] = 7;
	w[1] = htobe32(16);
	w[4] = htobe32(op << 16);
	w[5] = htobe32(mod);
	w[6] = htobe32(word);
	w[14] = htobe32(16);
	entry[63] = 1;
	__sync_synchronize();
	cx_write(CX_ISEG_BELL, 1);
	for (int i = 0; i < 5000 && entry[63] & 1; i++)
		sleep_ms(1);
	if (entry[63] & 1)
		return -1;
	for (int i = 0; i < 4; i++)
		out[i] = be32toh(w[8 + i]);
	return entry[63] ? 0x100 | entry[63] >> 1 : (int)(out[0] >> 24);
}

static void cx_set_queue(void)
{
	cx_write(CX_ISEG_QUEUE, CX_IOVA >> 32);
	cx_write(CX_ISEG_QUEUE + 4, (uint32_t)CX_IOVA + cx_at * 4096);
}

static void cx_must(uint16_t op, uint32_t word, uint32_t out[4])
{
	int status = cx_command(op, 0, word, out);

	if (status)
		bad("command 0x%x: %s 0x%x", op, status < 0 ? "no answer" : "status", status);
}

static void cx_pds(unsigned int n)
{
	uint32_t out[4];

	if (!cx_running) {
		cx_map();
		cx_running = true;
		cx_set_queue();
		cx_must(0x104, 0, out);		/* ENABLE_HCA */
		cx_must(0x102, 0, out);		/* INIT_HCA */
	}
	while (n--) {
		cx_must(0x800, 0, out);		/* ALLOC_PD */
		if ((out[2] & 0xffffff) != cx_last + 1)
			bad("PD %u after %u", out[2] & 0xffffff, cx_last);
		cx_last++;
	}
	say("pds=%u\n", cx_last);
}

static void cx_adopt(unsigned int last)
{
	cx_map();
	cx_running = true;
	cx_last = last;
}

static void cx_expect(uint16_t op, uint16_t mod, const char *wanted)
{
	uint32_t out[4];
	int status;

	cx_map();
	status = cx_command(op, mod, 0, out);
	if (status != (wanted ? atoi(wanted) : 0))
		bad("status 0x%x", status);
}

/* The function was reset: begin anew */
static void cx_forget(void)
{
	cx_running = false;
	cx_last = 0;
}

static void cx_page(unsigned int page)
{
	cx_map();
	cx_at = page % (CX_MEMORY / 4096);
	cx_set_queue();
}

/* The log of dirty pages, of all of the memory above */
static void cx_log(const char *wanted)
{
	struct {
		struct vfio_device_feature_dma_logging_control control;
		struct vfio_device_feature_dma_logging_range range;
	} log = {
		.control = { .page_size = 4096, .num_ranges = 1 },
		.range = { .iova = CX_IOVA, .length = CX_MEMORY },
	};

	cx_map();
	log.control.ranges = (uintptr_t)&log.range;
	expect(v2_feature(&source, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
			      &log.control, sizeof(log.control)), wanted);
}

static void cx_log_stop(const char *wanted)
{
	expect(v2_feature(&source, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, NULL, 0),
	       wanted);
}

static void cx_dirty(const char *wanted)
{
	uint64_t bitmap = 0;
	struct vfio_device_feature_dma_logging_report report = {
		.iova = CX_IOVA, .length = CX_MEMORY, .page_size = 4096, .bitmap = (uintptr_t)&bitmap,
	};
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
				 &report, sizeof(report));

	if (wanted && *wanted == 'E') {
		expect(err, wanted);
		return;
	}
	if (err)
		bad("%s", strerror(err));
	if (bitmap != (wanted ? strtoull(wanted, NULL, 0) : 0))
		bad("dirty are 0x%llx", (unsigned long long)bitmap);
}
