// SPDX-License-Identifier: GPL-2.0-only
/* What this module asks of the kernel's headers: see ../../pci/have.c. */
#include <linux/module.h>
#include <linux/mlx5/driver.h>

/* HAVE_MLX5_CORE, required: CONFIG_MLX5_CORE, exports: mlx5_vf_get_core_dev mlx5_cmd_exec_cb */
static_assert(IS_ENABLED(CONFIG_MLX5_CORE));

/* HAVE_MLX5_COMP_EQN_GET: event queues by index of a vector that may not be in use yet (6.5) */
static int have_mlx5_comp_eqn_get(struct mlx5_core_dev *mdev, int *eqn)
{
	return mlx5_comp_eqn_get(mdev, 0, eqn);
}
