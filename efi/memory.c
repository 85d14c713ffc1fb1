/* SPDX-License-Identifier: MIT */
/* efi/memory.c - see efi/memory.h. */
#include "memmap.h"
#include "memory.h"

#define CLAIMS_MAX     64
#define KEPT_ALIGN     (2ull << 20)
#define LOW_LIMIT      (4ull << 30)
#define MAP_SLACK      64 /* descriptors that the map may grow by until the end */
#define LEAVE_ATTEMPTS 16

struct claim {
    uint64_t base;
    uint64_t length;
    uint32_t type;
};

/* A copy of the firmware's memory map: of descriptors whose size the firmware tells. */
struct firmware_map {
    uint8_t *buffer;
    UINTN capacity; /* bytes */
    UINTN size;     /* bytes in use */
    UINTN key;
    UINTN descriptor_size;
};

static struct {
    EFI_BOOT_SERVICES *bs;
    struct claim claims[CLAIMS_MAX];
    uint32_t claim_count;
    struct firmware_map firmware;
    struct memmap map;
} memory;

void memory_init(EFI_BOOT_SERVICES *bs)
{
    memory.bs = bs;
}

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + MEMORY_PAGE_SIZE - 1) / MEMORY_PAGE_SIZE;
}

static void *claim_pages(EFI_ALLOCATE_TYPE how, EFI_PHYSICAL_ADDRESS base, uint64_t bytes,
                         uint32_t type)
{
    uint64_t pages = pages_of(bytes);

    if (memory.claim_count == CLAIMS_MAX ||
        memory.bs->AllocatePages(how, EfiLoaderData, pages, &base) != EFI_SUCCESS)
        return NULL;
    memory.claims[memory.claim_count++] = (struct claim){base, pages * MEMORY_PAGE_SIZE, type};
    return (void *)(uintptr_t)base;
}

void *memory_take(uint64_t bytes, uint32_t type)
{
    return claim_pages(AllocateAnyPages, 0, bytes != 0 ? bytes : 1, type);
}

static const EFI_MEMORY_DESCRIPTOR *descriptor_at(const struct firmware_map *f, UINTN offset)
{
    return (const EFI_MEMORY_DESCRIPTOR *)(const void *)(f->buffer + offset);
}

static EFI_STATUS firmware_map_read(struct firmware_map *f)
{
    UINT32 version;

    f->size = f->capacity;
    return memory.bs->GetMemoryMap(&f->size, (EFI_MEMORY_DESCRIPTOR *)(void *)f->buffer, &f->key,
                                   &f->descriptor_size, &version);
}

/* Read the map into memory from the pool; the caller frees f->buffer. */
static bool firmware_map_get(struct firmware_map *f)
{
    void *buffer;

    *f = (struct firmware_map){0};
    if (firmware_map_read(f) != EFI_BUFFER_TOO_SMALL)
        return false;
    f->capacity = f->size + MAP_SLACK * f->descriptor_size;
    if (memory.bs->AllocatePool(EfiLoaderData, f->capacity, &buffer) != EFI_SUCCESS)
        return false;
    f->buffer = buffer;
    if (firmware_map_read(f) == EFI_SUCCESS)
        return true;
    memory.bs->FreePool(buffer);
    return false;
}

static bool type_is_ram(uint32_t efi_type)
{
    switch (efi_type) {
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiRuntimeServicesCode:
    case EfiRuntimeServicesData:
    case EfiConventionalMemory:
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return true;
    default:
        return false;
    }
}

/* What a firmware's memory type (UEFI Specification 2.10, table 7.6) is once boot services end. */
static uint32_t type_after_leaving(uint32_t efi_type)
{
    switch (efi_type) {
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiConventionalMemory:
        return BOOT_MEMORY_USABLE;
    case EfiLoaderCode:
    case EfiLoaderData:
        return BOOT_MEMORY_LOADER;
    case EfiRuntimeServicesCode:
        return BOOT_MEMORY_RUNTIME_CODE;
    case EfiRuntimeServicesData:
        return BOOT_MEMORY_RUNTIME_DATA;
    case EfiACPIReclaimMemory:
        return BOOT_MEMORY_ACPI_RECLAIM;
    case EfiACPIMemoryNVS:
        return BOOT_MEMORY_ACPI_NVS;
    case EfiMemoryMappedIO:
    case EfiMemoryMappedIOPortSpace:
        return BOOT_MEMORY_MMIO;
    default:
        return BOOT_MEMORY_RESERVED;
    }
}

bool memory_survey(struct memory_survey *survey)
{
    struct firmware_map f;

    if (!firmware_map_get(&f))
        return false;
    *survey = (struct memory_survey){0, 0};
    for (UINTN at = 0; at < f.size; at += f.descriptor_size) {
        const EFI_MEMORY_DESCRIPTOR *d = descriptor_at(&f, at);
        uint64_t end = d->PhysicalStart + d->NumberOfPages * MEMORY_PAGE_SIZE;

        if (type_is_ram(d->Type))
            survey->ram_pages += d->NumberOfPages;
        if (end > survey->end)
            survey->end = end;
    }
    memory.bs->FreePool(f.buffer);
    return true;
}

/* The highest aligned place of @bytes in one descriptor of free memory below @limit; 0: none. */
static uint64_t place_highest(const struct firmware_map *f, uint64_t bytes, uint64_t limit)
{
    uint64_t best = 0;

    for (UINTN at = 0; at < f->size; at += f->descriptor_size) {
        const EFI_MEMORY_DESCRIPTOR *d = descriptor_at(f, at);
        struct boot_memory_range range = {d->PhysicalStart, d->NumberOfPages * MEMORY_PAGE_SIZE,
                                          BOOT_MEMORY_USABLE, 0, 0};
        struct memmap one = {&range, 1, 1, false};
        uint64_t place = 0;

        if (d->Type == EfiConventionalMemory)
            place = memmap_find_highest(&one, bytes, KEPT_ALIGN, limit);
        if (place > best)
            best = place;
    }
    return best;
}

void *memory_take_high(uint64_t bytes, uint32_t type)
{
    struct firmware_map f;
    uint64_t place;

    if (!firmware_map_get(&f))
        return NULL;
    place = place_highest(&f, bytes, LOW_LIMIT);
    if (place == 0)
        place = place_highest(&f, bytes, UINT64_MAX);
    memory.bs->FreePool(f.buffer);
    return place == 0 ? NULL : claim_pages(AllocateAddress, place, bytes, type);
}

bool memory_prepare_leave(void)
{
    struct firmware_map *f = &memory.firmware;
    uint64_t count;
    void *ranges;

    if (!firmware_map_get(f))
        return false;
    count = f->capacity / f->descriptor_size + 2ull * CLAIMS_MAX;
    ranges = memory_take(count * sizeof(struct boot_memory_range), BOOT_MEMORY_LOADER);
    if (ranges == NULL)
        return false;
    memmap_init(&memory.map, ranges, (uint32_t)count);
    return true;
}

static void map_build(const struct firmware_map *f, struct memmap *m)
{
    m->count = 0;
    m->overflowed = false;
    for (UINTN at = 0; at < f->size; at += f->descriptor_size) {
        const EFI_MEMORY_DESCRIPTOR *d = descriptor_at(f, at);

        memmap_set(m, d->PhysicalStart, d->NumberOfPages * MEMORY_PAGE_SIZE,
                   type_after_leaving(d->Type), d->Attribute);
    }
    for (uint32_t i = 0; i < memory.claim_count; i++)
        memmap_retype(m, memory.claims[i].base, memory.claims[i].length, memory.claims[i].type);
    memmap_merge(m);
}

/* UEFI Specification 2.10, 7.4.6: a stale key makes the call fail, and the map must be read again;
 * nothing may be allocated between. */
bool memory_leave(EFI_HANDLE image, struct boot_info *info)
{
    struct firmware_map *f = &memory.firmware;

    for (unsigned i = 0; i < LEAVE_ATTEMPTS; i++) {
        if (firmware_map_read(f) != EFI_SUCCESS)
            return false;
        if (memory.bs->ExitBootServices(image, f->key) != EFI_SUCCESS)
            continue;
        map_build(f, &memory.map);
        info->memory_map = (uintptr_t)memory.map.ranges;
        info->memory_map_count = memory.map.count;
        return !memory.map.overflowed;
    }
    return false;
}
