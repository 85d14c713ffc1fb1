/* SPDX-License-Identifier: MIT */
/* abi_check.c - compiles the headers of what providers and clients say to each other: their layout
 * assertions are the test. */
#include <vspabi/echo.h>
#include <vspabi/ic.h>
#include <vspabi/keyboard.h>
#include <vspabi/network.h>
#include <vspabi/scsi.h>
#include <vspabi/storage.h>

_Static_assert(ECHO_BYTES_MAX % 8 == 0, "a payload of the greatest length needs no padding");
_Static_assert(SCSI_SENSE_BYTES <= STORAGE_SENSE_BYTES, "sense data fits its field");
_Static_assert(SCSI_CDB_MAX == STORAGE_CDB_BYTES, "the longest CDB fits its field");
_Static_assert(offsetof(struct storage_packet, srb.data) == 28, "offset of the CDB in a packet");
_Static_assert(sizeof(struct nvsp_send_table_message) ==
                   NVSP_MESSAGE_BYTES + NVSP_SEND_TABLE_ENTRIES * sizeof(uint32_t),
               "the entries are where nvsp_send_table.offset says");
_Static_assert(sizeof(struct ndis_offload) == NDIS_OFFLOAD_BYTES_6_30, "all of the offloads");
_Static_assert(NDIS_RSS_CAPABILITIES_BYTES ==
                   offsetof(struct ndis_rss_capabilities, table_entries) + sizeof(uint16_t),
               "RSS capabilities end with their table");
