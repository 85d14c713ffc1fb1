/* SPDX-License-Identifier: MIT */
/* core/vp_regs.h - a VP's registers by TLFS name: those the core keeps, then the backend's. The VP is
 * held, or loaded on this LP. TLFS 2.0A, 10.2.2. */
#ifndef CORE_VP_REGS_H
#define CORE_VP_REGS_H

#include <hvabi/regs.h>
#include "core/types.h"

struct vp;

/* HV_STATUS_INVALID_PARAMETER: no such register; _INVALID_REGISTER_VALUE: not that value. */
hv_status vp_reg_get(struct vp *vp, uint32_t name, struct hv_register_value *value) MUST_CHECK;
hv_status vp_reg_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
    MUST_CHECK;

/* Would vp_reg_set take @value for @name? Nothing is changed. */
bool vp_reg_allows(const struct vp *vp, uint32_t name, const struct hv_register_value *value);

#endif
