# SPDX-License-Identifier: GPL-2.0-only
#
# What the kernel has is found out by its headers, each time that make runs: not by its version,
# since stable and distributions' kernels have much of later ones. For DIR/have.c (have.sh says what
# that is) generated/have-DIR.h has a macro for each probe that compiles, and generated/have-DIR.mk
# says whether DIR is built. To be included by kbuild's part of a Makefile that has set
#   have-top    where drivers/ is
#   have-src    the files have.c
# and that makes what it builds depend on $(have-headers).
#
# HAVE_ALL="DIR..." builds these directories though the kernel could not load their modules;
# HAVE_ONLY=1 builds nothing else than this (the top Makefile).

# Series of kernels that all tests were run on. tests/style.sh compares them with the documents.
have-tried := 6.1 6.12 7.2 7.3

have-name = $(notdir $(patsubst %/,%,$(dir $(1))))
have-headers := $(foreach s,$(have-src),$(obj)/generated/have-$(call have-name,$(s)).h)
subdir-ccflags-y += -I$(obj)/generated
ccflags-y += -I$(obj)/generated

# As for an object of a module, but from standard input
have-cc = $(CC) $(NOSTDINC_FLAGS) $(LINUXINCLUDE) \
	-include $(srctree)/include/linux/compiler_types.h $(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) \
	$(KBUILD_CFLAGS_MODULE) -DMODULE -DKBUILD_BASENAME='"have"' -DKBUILD_MODNAME='"have"' \
	-D__KBUILD_MODNAME=have

# Nothing is linked in a kernel tree: what is exported is Kconfig's matter there
have-symvers = $(if $(KBUILD_EXTMOD),$(wildcard $(objtree)/Module.symvers $(KBUILD_OUTPUT)/Module.symvers))

quiet_cmd_have = HAVE    $@
      cmd_have = HAVE_KERNEL='$(KERNELRELEASE)' HAVE_TRIED='$(have-tried)' \
	HAVE_SYMVERS='$(firstword $(have-symvers))' HAVE_ALL='$(HAVE_ALL)' $(CONFIG_SHELL) \
	$(have-top)/drivers/vfio/have.sh $(filter %/$*/have.c,$(have-src)) $@ $(have-cc)

$(have-headers): $(obj)/generated/have-%.h: FORCE
	$(call cmd,have)

clean-files += generated
