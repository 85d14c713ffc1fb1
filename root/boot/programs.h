/* SPDX-License-Identifier: MIT */
/* root/boot/programs.h - the ring-3 programs that root itself starts: the shell, and the VM service. */
#ifndef ROOT_BOOT_PROGRAMS_H
#define ROOT_BOOT_PROGRAMS_H

/* Start the VM service, if it is among the boot modules, and the shell: the boot module shell.elf or
 * the one that is linked in. Each is started anew, a second later, when it has ended. */
_Noreturn void programs_keep(void);

#endif
