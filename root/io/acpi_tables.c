/* SPDX-License-Identifier: MIT */
/* root/io/acpi_tables.c - finds, checks and reads the static ACPI tables; see acpi_tables.h. */
#include <rt/mem.h>
#include "io/acpi_tables.h"

#define RSDT_POINTER_SIZE 4u /* ACPI 6.4, 5.2.7 */
#define XSDT_POINTER_SIZE 8u /* ACPI 6.4, 5.2.8 */

static bool sum_is_zero(const void *data, uint32_t length)
{
    const uint8_t *p = data;
    uint8_t sum = 0;

    for (uint32_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

static bool signature_is(const struct acpi_header *h, const char *signature)
{
    return memcmp(h->signature, signature, sizeof(h->signature)) == 0;
}

/* Check the copy of a table whose header said @length before the copy was made. */
static const char *table_fault(const struct acpi_header *copy, uint32_t length)
{
    if (copy->length != length)
        return "its length changes";
    return sum_is_zero(copy, length) ? NULL : "its checksum is wrong";
}

/* A checked copy of the table at @physical; NULL, with the reason told: it is not usable. */
static struct acpi_header *table_load(const struct acpi_source *s, uint64_t physical)
{
    struct acpi_header h = {.signature = "????"};
    struct acpi_header *copy;
    const char *why = "it is not in memory";

    if (!s->read(s->context, physical, &h, sizeof(h)))
        goto refuse;
    why = "its length is impossible";
    if (h.length < sizeof(h) || h.length > ACPI_TABLE_LENGTH_MAX)
        goto refuse;
    why = "there is no memory for it";
    copy = s->alloc(s->context, h.length);
    if (!copy)
        goto refuse;
    why = "it is not in memory";
    if (s->read(s->context, physical, copy, h.length))
        why = table_fault(copy, h.length);
    if (!why)
        return copy;
    s->free(s->context, copy);
refuse:
    s->refused(s->context, h.signature, physical, why);
    return NULL;
}

/* The table set takes the tables that the @size-byte pointers after @root's header lead to. */
static void root_table_walk(const struct acpi_source *s, const struct acpi_header *root,
                            uint32_t size, struct acpi_table_set *set)
{
    const uint8_t *pointers = (const uint8_t *)(root + 1);
    uint32_t count = (root->length - (uint32_t)sizeof(*root)) / size;

    for (uint32_t i = 0; i < count && set->count < ACPI_TABLES_MAX; i++) {
        const struct acpi_header *table;
        uint64_t physical = 0;

        memcpy(&physical, pointers + (size_t)i * size, size);
        table = physical ? table_load(s, physical) : NULL;
        if (table)
            set->tables[set->count++] = table;
    }
}

static bool root_table_load(const struct acpi_source *s, uint64_t physical, const char *signature,
                            uint32_t pointer_size, struct acpi_table_set *set)
{
    struct acpi_header *root = physical ? table_load(s, physical) : NULL;
    bool right;

    if (!root)
        return false;
    right = signature_is(root, signature);
    if (right)
        root_table_walk(s, root, pointer_size, set);
    else
        s->refused(s->context, root->signature, physical, "it is not a root table");
    s->free(s->context, root);
    return right;
}

static const char *rsdp_fault(const struct acpi_rsdp *r)
{
    if (memcmp(r->signature, ACPI_RSDP_SIGNATURE, sizeof(r->signature)) != 0)
        return "it is no RSDP";
    if (!sum_is_zero(r, ACPI_RSDP_V1_SIZE))
        return "its checksum is wrong";
    if (r->revision < ACPI_RSDP_V2)
        return NULL;
    if (r->length < sizeof(*r) || !sum_is_zero(r, sizeof(*r)))
        return "its extended checksum is wrong";
    return NULL;
}

bool acpi_tables_load(const struct acpi_source *source, uint64_t rsdp, struct acpi_table_set *set)
{
    struct acpi_rsdp r = {.revision = 0};
    const char *why = "it is not in memory";

    set->count = 0;
    if (!rsdp)
        return false;
    /* A reader of ACPI 1.0 may have only 20 bytes before memory ends. */
    if (source->read(source->context, rsdp, &r, sizeof(r)) ||
        source->read(source->context, rsdp, &r, ACPI_RSDP_V1_SIZE))
        why = rsdp_fault(&r);
    if (why) {
        source->refused(source->context, "RSDP", rsdp, why);
        return false;
    }
    if (r.revision >= ACPI_RSDP_V2 &&
        root_table_load(source, r.xsdt_address, "XSDT", XSDT_POINTER_SIZE, set))
        return true;
    return root_table_load(source, r.rsdt_address, "RSDT", RSDT_POINTER_SIZE, set);
}

const struct acpi_header *acpi_tables_find(const struct acpi_table_set *set, const char *signature,
                                           unsigned index)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (signature_is(set->tables[i], signature) && index-- == 0)
            return set->tables[i];
    }
    return NULL;
}

/* Walks the entries of a table that follow its first @offset bytes. */
struct entry_walk {
    const struct acpi_header *table;
    uint32_t offset;
    struct acpi_entry entry; /* the current one's head */
    const uint8_t *bytes;    /* the current one */
};

/* Step to the next entry; false: none is left that fits. */
static bool entry_next(struct entry_walk *w)
{
    uint32_t left = w->table->length - w->offset;

    if (left < sizeof(w->entry))
        return false;
    w->bytes = (const uint8_t *)w->table + w->offset;
    memcpy(&w->entry, w->bytes, sizeof(w->entry));
    if (w->entry.length < sizeof(w->entry) || w->entry.length > left)
        return false;
    w->offset += w->entry.length;
    return true;
}

/* Copy the current entry to @copy of @size bytes; false: it is too short to be one. */
static bool entry_copy(const struct entry_walk *w, void *copy, uint32_t size)
{
    if (w->entry.length < size)
        return false;
    memcpy(copy, w->bytes, size);
    return true;
}

static void processor_add(struct acpi_madt_info *info, uint32_t id, uint32_t flags)
{
    if (!(flags & ACPI_MADT_PROCESSOR_ENABLED) || info->lapic_count == ACPI_MADT_MAX_LAPICS)
        return;
    for (uint32_t i = 0; i < info->lapic_count; i++) {
        if (info->lapic_ids[i] == id)
            return;
    }
    info->lapic_ids[info->lapic_count++] = id;
}

static void madt_local_apic(struct acpi_madt_info *info, const struct entry_walk *w)
{
    struct acpi_madt_local_apic_entry e;

    if (entry_copy(w, &e, sizeof(e)) && e.apic_id != ACPI_MADT_APIC_ID_BROADCAST)
        processor_add(info, e.apic_id, e.flags);
}

static void madt_local_x2apic(struct acpi_madt_info *info, const struct entry_walk *w)
{
    struct acpi_madt_local_x2apic_entry e;

    if (entry_copy(w, &e, sizeof(e)) && e.x2apic_id != ACPI_MADT_X2APIC_ID_BROADCAST)
        processor_add(info, e.x2apic_id, e.flags);
}

static void madt_io_apic(struct acpi_madt_info *info, const struct entry_walk *w)
{
    struct acpi_madt_io_apic_entry e;

    if (!entry_copy(w, &e, sizeof(e)) || info->ioapic_count == ACPI_MADT_MAX_IOAPICS)
        return;
    info->ioapics[info->ioapic_count++] = (struct acpi_madt_ioapic){
        .id = e.io_apic_id,
        .gsi_base = e.global_system_interrupt_base,
        .address = e.io_apic_address,
    };
}

static void madt_source_override(struct acpi_madt_info *info, const struct entry_walk *w)
{
    struct acpi_madt_source_override_entry e;

    if (!entry_copy(w, &e, sizeof(e)) || e.bus != 0 ||
        info->override_count == ACPI_MADT_MAX_OVERRIDES)
        return;
    info->overrides[info->override_count++] = (struct acpi_madt_override){
        .isa_irq = e.source,
        .level = ACPI_MADT_TRIGGER(e.flags) == ACPI_MADT_TRIGGER_LEVEL,
        .active_low = ACPI_MADT_POLARITY(e.flags) == ACPI_MADT_POLARITY_LOW,
        .gsi = e.global_system_interrupt,
    };
}

static void madt_local_apic_address(struct acpi_madt_info *info, const struct entry_walk *w)
{
    struct acpi_madt_local_apic_address_entry e;

    if (entry_copy(w, &e, sizeof(e)))
        info->lapic_address = e.local_apic_address;
}

static void madt_entry(struct acpi_madt_info *info, const struct entry_walk *w)
{
    switch (w->entry.type) {
    case ACPI_MADT_LOCAL_APIC:
        madt_local_apic(info, w);
        break;
    case ACPI_MADT_IO_APIC:
        madt_io_apic(info, w);
        break;
    case ACPI_MADT_SOURCE_OVERRIDE:
        madt_source_override(info, w);
        break;
    case ACPI_MADT_LOCAL_APIC_ADDRESS:
        madt_local_apic_address(info, w);
        break;
    case ACPI_MADT_LOCAL_X2APIC:
        madt_local_x2apic(info, w);
        break;
    default: /* NMI sources and other architectures' controllers */
        break;
    }
}

bool acpi_madt_parse(const struct acpi_header *table, struct acpi_madt_info *info)
{
    struct entry_walk w = {.table = table, .offset = sizeof(struct acpi_madt)};
    struct acpi_madt madt;

    memset(info, 0, sizeof(*info));
    if (table->length < sizeof(madt))
        return false;
    memcpy(&madt, table, sizeof(madt));
    info->lapic_address = madt.local_interrupt_controller_address;
    info->has_8259 = (madt.flags & ACPI_MADT_PCAT_COMPAT) != 0;
    while (entry_next(&w))
        madt_entry(info, &w);
    return true;
}

static void fadt_reset(const struct acpi_fadt *f, struct acpi_fadt_info *info)
{
    bool io = f->reset_reg.space == ACPI_SPACE_IO;

    if (!(f->flags & ACPI_FADT_RESET_REG_SUP) || f->reset_reg.address == 0)
        return;
    if (io ? f->reset_reg.address > UINT16_MAX : f->reset_reg.space != ACPI_SPACE_MEMORY)
        return;
    info->reset_supported = true;
    info->reset_is_io = io;
    info->reset_address = f->reset_reg.address;
    info->reset_value = f->reset_value;
}

bool acpi_fadt_parse(const struct acpi_header *table, struct acpi_fadt_info *info)
{
    struct acpi_fadt f;

    memset(info, 0, sizeof(*info));
    if (table->length < ACPI_FADT_LENGTH_MIN)
        return false;
    memset(&f, 0, sizeof(f));
    memcpy(&f, table, table->length < sizeof(f) ? table->length : sizeof(f));
    if (f.x_pm_tmr_blk.address != 0 && f.x_pm_tmr_blk.space == ACPI_SPACE_IO &&
        f.x_pm_tmr_blk.address <= UINT16_MAX)
        info->pm_timer_port = (uint16_t)f.x_pm_tmr_blk.address;
    else if (f.pm_tmr_len == ACPI_FADT_PM_TMR_LEN && f.pm_tmr_blk <= UINT16_MAX)
        info->pm_timer_port = (uint16_t)f.pm_tmr_blk;
    info->pm_timer_32bit = (f.flags & ACPI_FADT_TMR_VAL_EXT) != 0;
    fadt_reset(&f, info);
    return true;
}

bool acpi_mcfg_parse(const struct acpi_header *table, struct acpi_mcfg_info *info)
{
    uint32_t offset = sizeof(struct acpi_mcfg);
    struct acpi_mcfg_entry e;

    memset(info, 0, sizeof(*info));
    if (table->length < offset)
        return false;
    for (; table->length - offset >= sizeof(e) && info->count < ACPI_MCFG_MAX_RANGES;
         offset += (uint32_t)sizeof(e)) {
        memcpy(&e, (const uint8_t *)table + offset, sizeof(e));
        if (e.base == 0 || e.start_bus > e.end_bus)
            continue;
        info->ranges[info->count++] = (struct acpi_mcfg_range){
            .base = e.base, .segment = e.segment, .start_bus = e.start_bus, .end_bus = e.end_bus};
    }
    return true;
}

bool acpi_hpet_parse(const struct acpi_header *table, struct acpi_hpet_info *info)
{
    struct acpi_hpet hpet;

    memset(info, 0, sizeof(*info));
    if (table->length < sizeof(hpet))
        return false;
    memcpy(&hpet, table, sizeof(hpet));
    if (hpet.base_address.space != ACPI_SPACE_MEMORY || hpet.base_address.address == 0)
        return false;
    info->address = hpet.base_address.address;
    info->minimum_tick = hpet.minimum_clock_tick;
    info->number = hpet.hpet_number;
    return true;
}

static void affinity_add(struct acpi_srat_info *info, uint32_t apic_id, uint32_t domain)
{
    if (info->processor_count == ACPI_SRAT_MAX_PROCESSORS)
        return;
    info->processors[info->processor_count++] =
        (struct acpi_srat_processor){.apic_id = apic_id, .domain = domain};
}

static void srat_local_apic(struct acpi_srat_info *info, const struct entry_walk *w)
{
    struct acpi_srat_local_apic_entry e;

    if (!entry_copy(w, &e, sizeof(e)) || !(e.flags & ACPI_SRAT_ENABLED))
        return;
    affinity_add(info, e.apic_id,
                 e.proximity_domain_low | (uint32_t)e.proximity_domain_high[0] << 8 |
                     (uint32_t)e.proximity_domain_high[1] << 16 |
                     (uint32_t)e.proximity_domain_high[2] << 24);
}

static void srat_local_x2apic(struct acpi_srat_info *info, const struct entry_walk *w)
{
    struct acpi_srat_local_x2apic_entry e;

    if (entry_copy(w, &e, sizeof(e)) && (e.flags & ACPI_SRAT_ENABLED))
        affinity_add(info, e.x2apic_id, e.proximity_domain);
}

static void srat_memory(struct acpi_srat_info *info, const struct entry_walk *w)
{
    struct acpi_srat_memory_entry e;

    if (!entry_copy(w, &e, sizeof(e)) || !(e.flags & ACPI_SRAT_ENABLED))
        return;
    if (info->memory_count == ACPI_SRAT_MAX_MEMORY || e.length == 0 || e.base + e.length < e.base)
        return;
    info->memory[info->memory_count++] = (struct acpi_srat_memory){
        .base = e.base,
        .length = e.length,
        .domain = e.proximity_domain,
        .hot_plug = (e.flags & ACPI_SRAT_HOT_PLUG) != 0,
    };
}

bool acpi_srat_parse(const struct acpi_header *table, struct acpi_srat_info *info)
{
    struct entry_walk w = {.table = table, .offset = sizeof(struct acpi_srat)};

    memset(info, 0, sizeof(*info));
    if (table->length < sizeof(struct acpi_srat))
        return false;
    while (entry_next(&w)) {
        if (w.entry.type == ACPI_SRAT_LOCAL_APIC)
            srat_local_apic(info, &w);
        else if (w.entry.type == ACPI_SRAT_MEMORY)
            srat_memory(info, &w);
        else if (w.entry.type == ACPI_SRAT_LOCAL_X2APIC)
            srat_local_x2apic(info, &w);
    }
    return true;
}
