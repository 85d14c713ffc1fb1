/* SPDX-License-Identifier: MIT */
/* scsi_fixture.h - a disk, and CDBs for it: for the tests of vsp/storvsp/scsi*.c. */
#ifndef SCSI_FIXTURE_H
#define SCSI_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include <vspabi/storage.h>
#include "storvsp/scsi.h"

#define SECTORS  0x100000u
#define TRANSFER 2048u
#define DISCARD  0x10000u
#define BIG      0x123456789aull

extern struct scsi_disk disk;
extern struct scsi_scratch scratch;
extern struct scsi_task task;
extern struct scsi_command command;

/* A disk that can do everything but discard_zeroes. */
int scsi_setup(void **state);

/* Start the @length bytes of @cdb with a buffer of @bytes. */
void scsi_start_cdb(const uint8_t *cdb, size_t length, uint8_t direction, uint32_t bytes);

#define START(direction, bytes, ...)                                                               \
    scsi_start_cdb((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),         \
                   direction, bytes)
#define IN(bytes, ...)  START(STORAGE_DATA_IN, bytes, __VA_ARGS__)
#define OUT(bytes, ...) START(STORAGE_DATA_OUT, bytes, __VA_ARGS__)
#define NONE(...)       START(STORAGE_DATA_NONE, 0, __VA_ARGS__)
#define FACT(name)      cmocka_unit_test_setup(name, scsi_setup)

/* The task ended with CHECK CONDITION and @sense; or well, with @bytes of data; or wants @op on
 * one extent. */
void assert_sense(uint32_t sense);
void assert_data(uint32_t bytes);
void assert_io(enum scsi_op op, uint64_t sector, uint32_t count, bool fua);

#endif
