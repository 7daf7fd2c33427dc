# SPDX-License-Identifier: GPL-2.0-only
"""usage: node_device.py FILE

In a root with Debian's python3-nova: prints what Nova's parser of libvirt's node devices reads from FILE.
"""

import sys

from nova.virt.libvirt import config

device = config.LibvirtConfigNodeDevice()
with open(sys.argv[1], encoding="utf-8") as file:
    device.parse_str(file.read())
print("dev_id", device.name)
print("parent", device.parent)
if device.mdev_information:
    print("type", device.mdev_information.type)
    print("uuid", device.mdev_information.uuid)
    print("iommu_group", device.mdev_information.iommu_group)
else:
    for capability in device.pci_capability.mdev_capability:
        for mdev_type in capability.mdev_types:
            print("type", mdev_type["type"], mdev_type["availableInstances"], mdev_type["deviceAPI"])
