// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of VFs of network cards, for types of any parent that has a
 * network interface. They call the same operations of the PF's driver as "ip
 * link set DEV vf N ..." does. An attribute exists if the driver has its
 * operation.
 *
 * Lock order: mdev_pci_function.fw_lock, rtnl_lock(), the interface's own lock.
 * Drivers remove no VFs under rtnl_lock(): drivers of VFs in use on the host
 * could not be unbound then.
 */
#include <linux/bitfield.h>
#include <linux/etherdevice.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

#include "../pci/compat.h"
#include "mdev-pci.h"

enum {
	VF_MAC,
	VF_VLAN,
	VF_MAX_TX_RATE,
	VF_SPOOF_CHECK,
};

static bool is_interface_of(const struct net_device *dev,
			    const struct pci_dev *pf)
{
	return dev->dev.parent == &pf->dev &&
	       dev->netdev_ops->ndo_get_vf_config;
}

/*
 * In any network namespace. Of several interfaces, the first one with VF
 * operations
 */
static struct net_device *find_interface(const struct pci_dev *pf)
{
	struct net_device *dev, *found = NULL;
	struct net *net;

	ASSERT_RTNL();
	down_read(&net_rwsem);
	for_each_net(net) {
		for_each_netdev(net, dev) {
			if (!found && is_interface_of(dev, pf))
				found = dev;
		}
	}
	up_read(&net_rwsem);
	return found;
}

static bool can_set(const struct net_device_ops *ops, unsigned long id)
{
	switch (id) {
	case VF_MAC:
		return ops->ndo_set_vf_mac;
	case VF_VLAN:
		return ops->ndo_set_vf_vlan;
	case VF_MAX_TX_RATE:
		return ops->ndo_set_vf_rate;
	case VF_SPOOF_CHECK:
		return ops->ndo_set_vf_spoofchk;
	}
	return false;
}

static bool has_attr(struct pci_dev *pf, const struct mdev_pci_attr *attr)
{
	struct net_device *dev;
	bool ret;

	rtnl_lock();
	dev = find_interface(pf);
	ret = dev && can_set(dev->netdev_ops, attr->id);
	rtnl_unlock();
	return ret;
}

static int get_config(struct net_device *dev, unsigned int vf,
		      struct ifla_vf_info *info)
{
	/* Fields that the driver does not fill in keep these values */
	memset(info, 0, sizeof(*info));
	return dev->netdev_ops->ndo_get_vf_config(dev, vf, info);
}

/*
 * A VLAN has a priority and a protocol, too: they are in bits above the value,
 * and not shown
 */
#define VLAN_ID		GENMASK_ULL(11, 0)
#define VLAN_QOS	GENMASK_ULL(23, 16)
#define VLAN_PROTO	GENMASK_ULL(47, 32)	/* 0: that and the priority were not given */

static u64 complete_vlan(const struct ifla_vf_info *now)
{
	u16 proto = ntohs(now->vlan_proto) ?: ETH_P_8021Q;

	return FIELD_PREP(VLAN_ID, now->vlan) | FIELD_PREP(VLAN_QOS, now->qos) |
	       FIELD_PREP(VLAN_PROTO, proto);
}

static int set_vlan(struct net_device *dev, unsigned int vf,
		    const struct ifla_vf_info *now, u64 value)
{
	u16 vlan = FIELD_GET(VLAN_ID, value);
	u64 full = value & VLAN_PROTO ? value : complete_vlan(now);
	u8 qos = vlan ? FIELD_GET(VLAN_QOS, full) : 0;

	return dev->netdev_ops->ndo_set_vf_vlan(dev, vf, vlan, qos,
						htons(FIELD_GET(VLAN_PROTO, full)));
}

static int set_by(struct net_device *dev, unsigned int vf, unsigned long id,
		  u64 value)
{
	const struct net_device_ops *ops = dev->netdev_ops;
	struct ifla_vf_info now;
	u8 mac[ETH_ALEN];
	int ret;

	ret = get_config(dev, vf, &now);
	if (ret)
		return ret;
	switch (id) {
	case VF_MAC:
		u64_to_ether_addr(value, mac);
		return ops->ndo_set_vf_mac(dev, vf, mac);
	case VF_VLAN:
		return set_vlan(dev, vf, &now, value);
	case VF_MAX_TX_RATE:
		return ops->ndo_set_vf_rate(dev, vf, now.min_tx_rate, value);
	case VF_SPOOF_CHECK:
		return ops->ndo_set_vf_spoofchk(dev, vf, value);
	}
	return -EINVAL;
}

static int get_by(struct net_device *dev, unsigned int vf, unsigned long id,
		  u64 *value)
{
	struct ifla_vf_info now;
	int ret;

	ret = get_config(dev, vf, &now);
	if (ret)
		return ret;
	switch (id) {
	case VF_MAC:
		*value = ether_addr_to_u64(now.mac);
		return 0;
	case VF_VLAN:
		*value = complete_vlan(&now);
		return 0;
	case VF_MAX_TX_RATE:
		*value = now.max_tx_rate;
		return 0;
	case VF_SPOOF_CHECK:
		*value = now.spoofchk == 1;
		return 0;
	}
	return -EINVAL;
}

/* Finds the interface and holds it: rtnl_lock() is taken in any case */
static struct net_device *lock_interface(const struct vfio_pci_fn *fn)
{
	struct net_device *dev;

	rtnl_lock();
	dev = find_interface(fn->pf);
	if (dev)
		compat_netdev_lock_ops(dev);
	else
		pci_err(fn->pf, "its network interface, which sets up VFs, is gone\n");
	return dev;
}

static void unlock_interface(struct net_device *dev)
{
	if (dev)
		compat_netdev_unlock_ops(dev);
	rtnl_unlock();
}

static int set_attr(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr,
		    u64 value)
{
	struct net_device *dev = lock_interface(fn);
	int ret = -ENODEV;

	if (dev) {
		ret = set_by(dev, fn->id, attr->id, value);
		if (ret)
			pci_err(fn->pf,
				"driver %s of %s does not set %s of VF %u (%pe); is %s up?\n",
				dev_driver_string(&fn->pf->dev),
				netdev_name(dev), attr->name, fn->id,
				ERR_PTR(ret), netdev_name(dev));
	}
	unlock_interface(dev);
	return ret;
}

static int get_attr(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr,
		    u64 *value)
{
	struct net_device *dev = lock_interface(fn);
	int ret = -ENODEV;

	if (dev)
		ret = get_by(dev, fn->id, attr->id, value);
	unlock_interface(dev);
	return ret;
}

/*
 * The host owns these values: they limit what the VF may do, and "ip link" may
 * have set them before. A VLAN number has 12 bits, and its last value is
 * reserved (IEEE 802.1Q). Rates are in Mbit/s as in &struct ifla_vf_rate; 0 is
 * no limit.
 */
const struct mdev_pci_attr mdev_pci_netdev_attrs[MDEV_PCI_NETDEV_ATTRS] = {
	{
		.name = "mac",
		.format = MDEV_PCI_ATTR_MAC,
		.max = GENMASK_ULL(ETH_ALEN * BITS_PER_BYTE - 1, 0),
		.from_hw = true,
		.id = VF_MAC,
		.set = set_attr,
		.get = get_attr,
		.is_visible = has_attr,
	},
	{
		.name = "vlan",
		.max = VLAN_N_VID - 2,
		.from_hw = true,
		.mask = VLAN_ID,
		.id = VF_VLAN,
		.set = set_attr,
		.get = get_attr,
		.is_visible = has_attr,
	},
	{
		.name = "max_tx_rate",
		.unit = "Mbit/s",
		.max = INT_MAX,
		.from_hw = true,
		.id = VF_MAX_TX_RATE,
		.set = set_attr,
		.get = get_attr,
		.is_visible = has_attr,
	},
	{
		.name = "spoof_check",
		.max = 1,
		.from_hw = true,
		.id = VF_SPOOF_CHECK,
		.set = set_attr,
		.get = get_attr,
		.is_visible = has_attr,
	},
};
EXPORT_SYMBOL_GPL(mdev_pci_netdev_attrs);
