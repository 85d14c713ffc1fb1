/* SPDX-License-Identifier: MIT */
/* efi/handoff.h - the last step: from the firmware's world into an image.
 *
 * The entry state is that of hvabi/boot.h. */
#ifndef EFI_HANDOFF_H
#define EFI_HANDOFF_H

#include <hvabi/boot.h>

/* Enter at @entry (virtual) under @cr3, with RDI = @info. Called after ExitBootServices, with
 * memory mapped one to one both by the firmware's tables and by @cr3. */
_Noreturn void handoff_jump(uint64_t entry, const struct boot_info *info, uint64_t cr3)
    __attribute__((sysv_abi));

#endif
