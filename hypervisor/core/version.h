/* SPDX-License-Identifier: MIT */
/* core/version.h - the version in CPUID leaf 0x40000002. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#define VERDIGRIS_MAJOR 0
#define VERDIGRIS_MINOR 1
#define VERDIGRIS_BUILD 1

#endif
