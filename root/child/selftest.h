/* SPDX-License-Identifier: MIT */
/* root/child/selftest.h - what only a running hypervisor can prove about hypercalls that children's
 * lives do not need every day. With boot.cfg's selftest = yes: a line "PASS fact" or "FAIL fact" for
 * each, until one fails. */
#ifndef ROOT_CHILD_SELFTEST_H
#define ROOT_CHILD_SELFTEST_H

/* Thread context, after child_init. Nothing without a hypervisor. */
void child_selftest(void);

#endif
