// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching a function to another flavour: the new driver is looked for and
 * loaded first, then the present one is unbound and the new one bound. If that
 * fails the former driver gets the function back.
 *
 * The flavour is not stored: it is that of the bound driver. driver_override is
 * left as it was, except for functions that the provider reserves. A
 * driver_override that the administrator has set is kept.
 */
#include <linux/ctype.h>
#include <linux/kmod.h>
#include <linux/module.h>

#include "flavour.h"

/**
 * struct change - one function is being switched
 * @node: in the list of all that are
 * @pdev: the function; a reference
 * @p: the provider, or NULL; kept
 * @wanted: what to
 * @name: the word for that
 * @was: what from, if it has a driver
 * @from: its driver, or NULL; held
 * @reserved: driver_override was the provider's
 */
struct change {
	struct list_head node;
	struct pci_dev *pdev;
	const struct driver_flavour_provider *p;
	enum flavour wanted;
	const char *name;
	enum flavour was;
	struct device_driver *from;
	bool reserved;
};

static DEFINE_MUTEX(switches_lock);
static LIST_HEAD(switches);

static struct change *find_switch(struct pci_dev *pdev)
{
	struct change *c;

	lockdep_assert_held(&switches_lock);
	list_for_each_entry(c, &switches, node) {
		if (c->pdev == pdev)
			return c;
	}
	return NULL;
}

/**
 * flavour_is_switched() - check whether a function is being switched now
 * @pdev: the function
 *
 * Return: true if so.
 */
bool flavour_is_switched(struct pci_dev *pdev)
{
	bool ret;

	mutex_lock(&switches_lock);
	ret = find_switch(pdev);
	mutex_unlock(&switches_lock);
	return ret;
}

static int switch_begin(struct change *c)
{
	int ret = 0;

	mutex_lock(&switches_lock);
	if (find_switch(c->pdev))
		ret = -EALREADY;
	else
		list_add_tail(&c->node, &switches);
	mutex_unlock(&switches_lock);
	if (ret)
		pci_err(c->pdev, "flavour %s refused: another switch is in progress\n", c->name);
	return ret;
}

static void switch_end(struct change *c)
{
	mutex_lock(&switches_lock);
	list_del(&c->node);
	mutex_unlock(&switches_lock);
}

static int check_override(struct change *c)
{
	/*
	 * No driver is named so: only whether there is an override is asked
	 * then
	 */
	static const struct device_driver nobody = { .name = "" };
	int match =
		flavour_override_match(c->pdev, c->p ? c->p->driver : &nobody);

	c->reserved = match > 0;
	if (match)
		return 0;
	pci_err(c->pdev, "flavour %s refused: driver_override is already set; clear it first\n",
		c->name);
	return -EEXIST;
}

static int check_provider(struct change *c)
{
	char why[DRIVER_FLAVOUR_WHY_MAX];

	if (!c->p || !c->p->is_busy(c->pdev, why, sizeof(why)))
		return 0;
	pci_err(c->pdev, "flavour %s refused: %s\n", c->name, why);
	return -EBUSY;
}

static int check_use(struct change *c)
{
	char why[DRIVER_FLAVOUR_WHY_MAX];
	int ret = check_provider(c);

	if (ret)
		return ret;
	if (pci_num_vf(c->pdev)) {
		pci_err(c->pdev, "flavour %s refused: the function has %d VFs; write 0 to sriov_numvfs first\n",
			c->name, pci_num_vf(c->pdev));
		return -EBUSY;
	}
	if (flavour_is_busy(c->pdev, why, sizeof(why))) {
		pci_err(c->pdev, "flavour %s refused: %s\n", c->name, why);
		return -EBUSY;
	}
	return 0;
}

static int check_change(struct change *c)
{
	int ret = check_override(c);

	if (ret)
		return ret;
	if (c->from && c->from->suppress_bind_attrs) {
		pci_err(c->pdev, "flavour %s refused: driver %s cannot be unbound\n", c->name,
			c->from->name);
		return -EPERM;
	}
	return check_use(c);
}

static int reserve(struct change *c)
{
	int ret = flavour_override_set(c->pdev, c->p->driver);

	if (ret)
		pci_err(c->pdev, "could not be reserved for %s (%pe); bind it by driver_override\n",
			c->p->driver->name, ERR_PTR(ret));
	return ret;
}

static int reserve_again(struct change *c)
{
	return c->reserved ? reserve(c) : 0;
}

static struct device_driver *find_native(struct change *c)
{
	struct device_driver *drv;

	if (c->reserved)
		flavour_override_clear(c->pdev, c->p->driver);
	drv = flavour_native_driver(c->pdev);
	if (drv)
		return drv;
	reserve_again(c);
	pci_err(c->pdev, "flavour native refused: no driver for the function is loaded, and modprobe finds none; look for a blacklist\n");
	return ERR_PTR(-ENODEV);
}

static struct device_driver *find_vfio(struct change *c, int *below)
{
	struct device_driver *drv;

	flavour_load_vfio(c->pdev);
	drv = flavour_best_driver(c->pdev, FLAVOUR_VFIO, below);
	if (drv)
		return drv;
	/* It has an alias for each function, which may be on a blacklist */
	request_module("vfio-pci");
	*below = INT_MAX;
	drv = flavour_best_driver(c->pdev, FLAVOUR_VFIO, below);
	if (drv)
		return drv;
	pci_err(c->pdev, "flavour vfio refused: there is no module vfio-pci\n");
	return ERR_PTR(-ENODEV);
}

static struct device_driver *find_provided(struct change *c)
{
	struct device_driver *drv;
	int below = INT_MAX;

	if (c->p->is_offered(c->pdev)) {
		/* The provider's module is kept */
		__module_get(c->p->driver->owner);
		return c->p->driver;
	}
	flavour_load_provided(c->pdev, c->p);
	drv = flavour_best_driver(c->pdev, FLAVOUR_PROVIDED, &below);
	if (drv)
		return drv;
	pci_err(c->pdev, "flavour %s refused: %s\n", c->name, c->p->not_offered);
	return ERR_PTR(-EOPNOTSUPP);
}

static struct device_driver *find_wanted(struct change *c, int *below)
{
	if (c->wanted == FLAVOUR_NATIVE)
		return find_native(c);
	return c->wanted == FLAVOUR_VFIO ? find_vfio(c, below) :
					   find_provided(c);
}

/*
 * By its name, since some drivers want that, and VFs of some PFs are bound in
 * no other way
 */
static int bind(struct change *c, struct device_driver *drv)
{
	struct pci_dev *pdev = c->pdev;
	int ret;

	if (c->p && drv == c->p->driver)
		return reserve(c) ?: device_driver_attach(drv, &pdev->dev);
	ret = flavour_override_set(pdev, drv);
	if (ret)
		return ret;
	ret = device_driver_attach(drv, &pdev->dev);
	flavour_override_clear(pdev, drv);
	/* Loading it may have bound it already */
	return READ_ONCE(pdev->dev.driver) == drv ? 0 : ret;
}

/*
 * Only the best of VFIO's drivers may refuse a function, since others remain
 * then
 */
static int bind_next_best(struct change *c, struct device_driver **to,
			  int below)
{
	int ret = bind(c, *to);

	while (ret && c->wanted == FLAVOUR_VFIO) {
		struct device_driver *next =
			flavour_best_driver(c->pdev, FLAVOUR_VFIO, &below);

		if (!next)
			break;
		pci_warn(c->pdev, "driver %s refuses the function (%pe), trying %s\n", (*to)->name,
			 ERR_PTR(ret), next->name);
		flavour_put_driver(*to);
		*to = next;
		ret = bind(c, next);
	}
	return ret;
}

static void restore(struct change *c)
{
	int ret = c->from ? bind(c, c->from) : reserve_again(c);

	if (ret)
		pci_err(c->pdev,
			"could not be bound to driver %s again (%pe); it has no driver now\n",
			c->from ? c->from->name : c->p->driver->name,
			ERR_PTR(ret));
}

static int rebind(struct change *c, struct device_driver **to, int below)
{
	int ret;

	/* The provider may have begun to use it since it was asked */
	if (c->p && !c->p->stop_claims(c->pdev)) {
		reserve_again(c);
		return check_provider(c) ?: -EBUSY;
	}
	device_release_driver(&c->pdev->dev);
	ret = bind_next_best(c, to, below);
	if (!ret) {
		pci_info(c->pdev, "flavour %s: driver %s instead of %s\n", c->name, (*to)->name,
			 c->from ? c->from->name : "none");
		return 0;
	}
	pci_err(c->pdev, "flavour %s refused: driver %s refuses the function (%pe)\n", c->name,
		(*to)->name, ERR_PTR(ret));
	restore(c);
	return ret;
}

static int change_driver(struct change *c)
{
	struct device_driver *to;
	int below = INT_MAX;
	int ret = check_change(c);

	if (ret)
		return ret;
	to = find_wanted(c, &below);
	if (IS_ERR(to))
		return PTR_ERR(to);
	ret = rebind(c, &to, below);
	flavour_put_driver(to);
	return ret;
}

static int change(struct change *c)
{
	int ret = switch_begin(c);

	if (ret)
		return ret;
	c->from = flavour_bound_driver(c->pdev);
	if (c->from)
		c->was = flavour_of(c->pdev, c->from);
	if (!c->from || c->was != c->wanted)
		ret = change_driver(c);
	flavour_put_driver(c->from);
	switch_end(c);
	return ret;
}

static bool parse(struct change *c, const char *word)
{
	int i, n = c->p ? NR_FLAVOURS : FLAVOUR_PROVIDED;

	for (i = 0; i < n; i++) {
		if (!sysfs_streq(word, flavour_name(c->p, i)))
			continue;
		c->wanted = i;
		c->name = flavour_name(c->p, i);
		return true;
	}
	return false;
}

/* A name that can be part of a module's alias */
static void load_provider(const char *word)
{
	int n;

	for (n = 0; islower(word[n]); n++)
		;
	if (n && n < 16 && (!word[n] || word[n] == '\n'))
		request_module("driver-flavour-%.*s", n, word);
}

static int parse_or_load(struct change *c, const char *word)
{
	if (parse(c, word))
		return 0;
	if (!c->p) {
		load_provider(word);
		c->p = flavour_provider_get();
		if (parse(c, word))
			return 0;
	}
	if (c->p)
		pci_err(c->pdev, "not a flavour; write native, vfio or %s\n", c->p->name);
	else
		pci_err(c->pdev, "not a flavour; write native or vfio\n");
	return -EINVAL;
}

/**
 * flavour_switch() - switch a function to another flavour
 * @pdev: the function; a reference of the caller's
 * @word: the flavour, as a user has written it
 *
 * Context: process context; sleeps. Waits for modprobe and drivers, so under no
 * lock.
 * Return: 0, also if the function has that flavour; or, with a line in the log:
 * -EINVAL: @word is no flavour; -EALREADY: another switch is in progress;
 * -EEXIST: driver_override is set; -EPERM: the present driver can't be unbound;
 * -EBUSY: the function is in use; -ENODEV: there is no such driver;
 * -EOPNOTSUPP: the provider does not offer the function; others from the new
 * driver.
 */
int flavour_switch(struct pci_dev *pdev, const char *word)
{
	struct change c = { .pdev = pdev, .p = flavour_provider_get() };
	int ret = parse_or_load(&c, word) ?: change(&c);

	flavour_provider_put(c.p);
	return ret;
}
