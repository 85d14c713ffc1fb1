/* SPDX-License-Identifier: MIT */
/* root/child/vm.h - children as /dev/vm shows them. */
#ifndef ROOT_CHILD_VM_H
#define ROOT_CHILD_VM_H

/* Answer /dev/vm from now on. */
void vm_operations_register(void);

#endif
