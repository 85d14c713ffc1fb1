/* SPDX-License-Identifier: MIT */
/* abi_check.c - compiles every ABI header, for the ELF and for the Windows target: their layout
 * assertions are the test. Adds what can only be asserted across headers. */
#include <hvabi/boot.h>
#include <hvabi/cpuid.h>
#include <hvabi/guest_boot.h>
#include <hvabi/hypercall.h>
#include <hvabi/layout.h>
#include <hvabi/management.h>
#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <hvabi/port.h>
#include <hvabi/regs.h>
#include <hvabi/stats.h>
#include <hvabi/status.h>
#include <hvabi/synic.h>
#include <hvabi/types.h>
#include <hvabi/vmbus.h>

_Static_assert(sizeof(struct hv_input_post_message) == HV_MESSAGE_SIZE,
               "a posted message is as large as a message slot");
_Static_assert(sizeof(struct hv_x64_memory_intercept_message) <= HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT,
               "the largest intercept message fits a payload");
_Static_assert(sizeof(struct hv_x64_exception_intercept_message) <=
                   HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT,
               "the exception message fits a payload");
_Static_assert(HvX64RegisterYmm15High == 0x000c001f, "register names are numbered without a gap");
_Static_assert((HV_HYPERCALL_CODE_MASK | HV_HYPERCALL_FAST | HV_HYPERCALL_VARIABLE_HEADER_MASK |
                HV_HYPERCALL_NESTED | HV_HYPERCALL_REP_COUNT_MASK | HV_HYPERCALL_REP_START_MASK |
                HV_HYPERCALL_RESERVED_MASK) == UINT64_MAX,
               "the control word's fields cover it");
_Static_assert((HV_HYPERCALL_CODE_MASK ^ HV_HYPERCALL_FAST ^ HV_HYPERCALL_VARIABLE_HEADER_MASK ^
                HV_HYPERCALL_NESTED ^ HV_HYPERCALL_REP_COUNT_MASK ^ HV_HYPERCALL_REP_START_MASK ^
                HV_HYPERCALL_RESERVED_MASK) == UINT64_MAX,
               "the control word's fields do not overlap");
