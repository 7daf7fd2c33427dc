/* SPDX-License-Identifier: GPL-2.0-only */
/* The stand-in for intel_qat: see vfmig.c */
#ifndef _QAT_STAND_IN_H
#define _QAT_STAND_IN_H

#include "refdev.h"

struct refdev_queue *stand_in_queue(struct pci_dev *pf);

#endif /* _QAT_STAND_IN_H */
