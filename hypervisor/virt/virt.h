/* SPDX-License-Identifier: MIT */
/* virt/virt.h - what a backend does for the core: one twin folder (svm/, vmx/, fake/) defines all of
 * it and is linked into its own image. Everything runs with interrupts off; "this LP" is the
 * caller's. Functions that take a VP need it to be loaded on this LP or not running at all. */
#ifndef VIRT_VIRT_H
#define VIRT_VIRT_H

#include <hvabi/regs.h>
#include "core/types.h"
#include "virt/vp_exit.h"

struct pcpu;
struct vp;

/* The name of the image's backend, for the log: "AMD-V". */
extern const char *const virt_name;

/* Turn virtualization on for this LP. Root's loader has checked that it is there. */
void virt_cpu_on(struct pcpu *cpu);

/* Allocate and reset the backend's part of @vp from its partition's pool.
 * HV_STATUS_INSUFFICIENT_MEMORY. */
hv_status virt_vp_create(struct vp *vp) MUST_CHECK;
void virt_vp_destroy(struct vp *vp);

/* Set the registers' values after INIT (SDM vol. 3A, 9.1.4; APM vol. 2, 14.1.5). */
void virt_vp_reset(struct vp *vp);
/* As a start-up IPI does: real mode at @vector << 12. */
void virt_vp_sipi(struct vp *vp, uint8_t vector);

/* Load @vp's state that is not switched at every entry; and put it away. */
void virt_vp_load(struct vp *vp);
void virt_vp_unload(struct vp *vp);

/* Enter guest mode and come back with @exit filled. */
void virt_vp_run(struct vp *vp, struct vp_exit *exit);

/* Registers by TLFS name. HV_STATUS_INVALID_PARAMETER: unknown here; _INVALID_REGISTER_VALUE. */
hv_status virt_reg_get(struct vp *vp, uint32_t name, struct hv_register_value *value) MUST_CHECK;
hv_status virt_reg_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
    MUST_CHECK;

/* Would virt_reg_set take @value for @name, if there is such a register? */
bool virt_reg_allows(uint32_t name, uint64_t value);

/* What the run loop asks about the guest's state. */
bool virt_interruptible(const struct vp *vp);  /* IF = 1, no shadow, nothing being injected */
bool virt_injecting(const struct vp *vp);      /* an event waits for the next entry */
/* Deliver @vector as soon as the guest can take it, with no exit on the way; it replaces the one
 * offered before, -1: none. After each virt_vp_run: was it delivered? Then the offer is over. The core
 * knows the priorities: TPR and what is in service hold no offer back. */
void virt_interrupt_offer(struct vp *vp, int vector);
bool virt_interrupt_taken(const struct vp *vp);
/* An event for the next entry. */
void virt_inject_nmi(struct vp *vp);
void virt_inject_exception(struct vp *vp, uint8_t vector, bool has_error, uint32_t error);
/* Exit (VP_EXIT_NMI_WINDOW) where the guest is about to end its NMI handler, with IRET. */
void virt_nmi_window(struct vp *vp, bool on);
void virt_cr8_set(struct vp *vp, uint8_t cr8); /* what the guest reads there */

/* Step over the instruction of @len bytes that made the exit. */
void virt_skip(struct vp *vp, unsigned len);

/* The architectural state that core's emulation reads at every exit that needs it. */
uint8_t virt_cpl(const struct vp *vp);
uint64_t virt_cr0(const struct vp *vp);
uint64_t virt_cr3(const struct vp *vp);
uint64_t virt_cr4(const struct vp *vp);
uint64_t virt_efer(const struct vp *vp);
uint64_t virt_segment_base(const struct vp *vp, uint32_t name); /* HvX64RegisterEs .. Gs */
bool virt_code_64(const struct vp *vp); /* EFER.LMA and CS.L */
bool virt_code_32(const struct vp *vp); /* CS.D */
bool virt_in_shadow(const struct vp *vp);
void virt_shadow_set(struct vp *vp); /* until the next instruction has been executed */

void virt_set_tsc_offset(struct vp *vp, uint64_t offset);

/* MSRs whose value lives in the backend's state; false: not one of them. */
bool virt_msr_read(struct vp *vp, uint32_t msr, uint64_t *value);
/* As above; *@fault: the value is refused with #GP. */
bool virt_msr_write(struct vp *vp, uint32_t msr, uint64_t value, bool *fault);

void virt_dump(const struct vp *vp); /* the control block, decoded, for panics */

#endif
