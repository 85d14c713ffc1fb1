/* SPDX-License-Identifier: MIT */
/* tests/user/mad/files.c - what a mad worker finds in /boot: the image of its child, and nothing of
 * what else is there. The names are those that tests/boot/cases/mad.py gives. */
#include "mad.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const others[] = {
    "/boot/calm.vm",         "/boot/calm.module",  "/boot//calm.vm", "/boot/multiboot.flat",
    "/boot/mad-exit.vm",     "/boot/vmwp.elf",     "/boot/vmms.elf", "/boot/disk.elf",
    "/boot/there-is-no-one", "/boot/calm.vm/../x", "/boot",          "/boot/",
};

void mad_files(void)
{
    struct stat status;
    int own = open("/boot/disk-multiboot.elf", O_RDONLY);

    mad_check("the image of its child", own >= 0, errno);
    if (own >= 0)
        close(own);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        mad_check(others[i], open(others[i], O_RDONLY) < 0 && errno == EACCES, errno);
        mad_check(others[i], open(others[i], O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES, errno);
        mad_check(others[i], stat(others[i], &status) < 0 && errno == EACCES, errno);
    }
}
