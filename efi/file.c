/* SPDX-License-Identifier: MIT */
/* efi/file.c - see efi/file.h. */
#include <rt/mem.h>
#include "config.h"
#include "file.h"
#include "memory.h"

#define INFO_NAME_MAX 256 /* characters of a name that EFI_FILE_INFO ends with */

static EFI_FILE_HANDLE volume;

bool file_init(EFI_BOOT_SERVICES *bs, EFI_HANDLE image)
{
    static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;
    static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
    void *loaded, *system;
    EFI_FILE_IO_INTERFACE *file_system;

    if (bs->HandleProtocol(image, &loaded_image_guid, &loaded) != EFI_SUCCESS ||
        bs->HandleProtocol(((EFI_LOADED_IMAGE *)loaded)->DeviceHandle, &file_system_guid,
                           &system) != EFI_SUCCESS)
        return false;
    file_system = system;
    return file_system->OpenVolume(file_system, &volume) == EFI_SUCCESS;
}

static EFI_FILE_HANDLE file_open(const char *path)
{
    CHAR16 wide[CONFIG_PATH_MAX];
    EFI_FILE_HANDLE handle;
    unsigned n = 0;

    for (; path[n] != '\0' && n + 1 < CONFIG_PATH_MAX; n++)
        wide[n] = (uint8_t)path[n];
    wide[n] = 0;
    if (volume->Open(volume, &handle, wide, EFI_FILE_MODE_READ, 0) != EFI_SUCCESS)
        return NULL;
    return handle;
}

static bool file_stat(EFI_FILE_HANDLE handle, uint64_t *size)
{
    static EFI_GUID info_guid = EFI_FILE_INFO_ID;
    union {
        EFI_FILE_INFO info;
        uint8_t room[sizeof(EFI_FILE_INFO) + INFO_NAME_MAX * sizeof(CHAR16)];
    } u;
    UINTN room = sizeof(u);

    if (handle->GetInfo(handle, &info_guid, &room, &u) != EFI_SUCCESS ||
        (u.info.Attribute & EFI_FILE_DIRECTORY) != 0)
        return false;
    *size = u.info.FileSize;
    return true;
}

/* The firmware may read less than it was asked for. */
static bool file_fill(EFI_FILE_HANDLE handle, struct file *f)
{
    uint64_t done = 0;

    while (done < f->size) {
        UINTN n = f->size - done;

        if (handle->Read(handle, &n, f->data + done) != EFI_SUCCESS || n == 0)
            return false;
        done += n;
    }
    return true;
}

static const char *file_load(EFI_FILE_HANDLE handle, uint32_t type, struct file *out)
{
    if (!file_stat(handle, &out->size))
        return "it is not a file";
    out->data = memory_take(out->size, type);
    if (out->data == NULL)
        return "there is not enough memory for it";
    return file_fill(handle, out) ? NULL : "it cannot be read";
}

const char *file_read(const char *path, uint32_t type, struct file *out)
{
    EFI_FILE_HANDLE handle = file_open(path);
    const char *wrong;

    if (handle == NULL)
        return "it is not there";
    wrong = file_load(handle, type, out);
    handle->Close(handle);
    return wrong;
}
