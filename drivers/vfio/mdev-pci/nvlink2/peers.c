// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU and bridges belong together if they name the same target address. A GPU
 * works in a guest only with all of its bridges, so the description names them
 * all.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "nvlink2.h"

/**
 * struct peer - a function that is bound to this driver
 * @node: in the list of all
 * @pdev: the function
 * @desc: its description when it was bound
 * @error: errno if there is no @desc, or 0
 */
struct peer {
	struct list_head node;
	struct pci_dev *pdev;
	struct vfio_pci_nvlink2_desc desc;
	int error;
};

static DEFINE_MUTEX(peers_lock);
static LIST_HEAD(peers);

static struct peer *find_peer(struct pci_dev *pdev)
{
	struct peer *peer;

	list_for_each_entry(peer, &peers, node) {
		if (peer->pdev == pdev)
			return peer;
	}
	return NULL;
}

/**
 * nvlink2_peers_add() - add a function to the list of peers
 * @pdev: the function
 *
 * A malformed description is no error here: open reports it.
 *
 * Return: 0 or -ENOMEM.
 */
int nvlink2_peers_add(struct pci_dev *pdev)
{
	struct peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	struct vfio_pci_fn fn = { .pf = pdev, .pdev = pdev };

	if (!peer)
		return -ENOMEM;
	peer->pdev = pdev;
	peer->error = vfio_pci_nvlink2_describe(&fn, &nvlink2_ops, &peer->desc);
	mutex_lock(&peers_lock);
	list_add_tail(&peer->node, &peers);
	mutex_unlock(&peers_lock);
	return 0;
}

/**
 * nvlink2_peers_del() - remove a function from the list of peers
 * @pdev: the function
 */
void nvlink2_peers_del(struct pci_dev *pdev)
{
	struct peer *peer;

	mutex_lock(&peers_lock);
	peer = find_peer(pdev);
	if (peer)
		list_del(&peer->node);
	mutex_unlock(&peers_lock);
	kfree(peer);
}

static struct pci_dev *get_nth(unsigned int n)
{
	struct pci_dev *pdev = NULL;
	struct peer *peer;

	mutex_lock(&peers_lock);
	list_for_each_entry(peer, &peers, node) {
		if (!n--) {
			pdev = pci_dev_get(peer->pdev);
			break;
		}
	}
	mutex_unlock(&peers_lock);
	return pdev;
}

/**
 * nvlink2_peers_changed() - update descriptions when a function comes or goes
 *
 * A function that comes or goes meanwhile calls this, too.
 */
void nvlink2_peers_changed(void)
{
	struct pci_dev *pdev;
	unsigned int n;

	for (n = 0; (pdev = get_nth(n)); n++) {
		mdev_pci_parent_changed(pdev);
		pci_dev_put(pdev);
	}
}

static int describe_memory(const struct peer *peer, char *buf, size_t size)
{
	const struct vfio_pci_nvlink2_desc *desc = &peer->desc;

	if (peer->error == -ENODEV)
		return scnprintf(buf, size, "nvlink2: none, this is a plain PCI device\n");
	if (peer->error)
		return scnprintf(buf, size, "nvlink2: refused, see the kernel's log (%pe)\n",
				 ERR_PTR(peer->error));
	if (desc->role == VFIO_PCI_NVLINK2_LINK)
		return scnprintf(buf, size, "nvlink2: bridge %s ATSD registers, link speed %u\n",
				 desc->has_atsd ? "with" : "without", desc->link_speed);
	return scnprintf(buf, size, "nvlink2: GPU with %llu MiB of RAM\n", desc->size >> 20);
}

static bool is_peer(const struct peer *a, const struct peer *b)
{
	return a != b && !a->error && !b->error && a->desc.has_tgt &&
	       b->desc.has_tgt && a->desc.tgt == b->desc.tgt;
}

static int list_peers(const struct peer *of, char *buf, size_t size)
{
	const struct peer *peer;
	int n = scnprintf(buf, size, "peers:");

	list_for_each_entry(peer, &peers, node) {
		if (is_peer(of, peer))
			n += scnprintf(buf + n, size - n, " %s", pci_name(peer->pdev));
	}
	n += scnprintf(buf + n, size - n, "\n");
	return n;
}

/**
 * nvlink2_peers_show() - &mdev_pci_parent_ops.show
 * @pdev: the function
 * @buf: room for the words
 * @size: bytes of it
 *
 * Return: bytes written.
 */
int nvlink2_peers_show(struct pci_dev *pdev, char *buf, size_t size)
{
	struct peer *peer;
	int n = 0;

	mutex_lock(&peers_lock);
	peer = find_peer(pdev);
	if (peer) {
		n = describe_memory(peer, buf, size);
		n += list_peers(peer, buf + n, size - n);
	}
	mutex_unlock(&peers_lock);
	return n;
}
