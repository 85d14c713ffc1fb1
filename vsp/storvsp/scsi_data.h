/* SPDX-License-Identifier: MIT */
/* storvsp/scsi_data.h - inside the device server: the commands that are answered with data. */
#ifndef STORVSP_SCSI_DATA_H
#define STORVSP_SCSI_DATA_H

#include "scsi.h"

/* Answer with the @built bytes of scratch->data, as far as the initiator wants them. */
void scsi_answer(const struct scsi_command *command, uint32_t built, uint32_t allocation,
                 struct scsi_task *task);

/* Each clears what it uses of @scratch, and answers. */
void scsi_inquiry(const struct scsi_disk *disk, const struct scsi_command *command,
                  struct scsi_scratch *scratch, struct scsi_task *task);
void scsi_mode_sense_6(const struct scsi_disk *disk, const struct scsi_command *command,
                       struct scsi_scratch *scratch, struct scsi_task *task);
void scsi_mode_sense_10(const struct scsi_disk *disk, const struct scsi_command *command,
                        struct scsi_scratch *scratch, struct scsi_task *task);

#endif
