/* SPDX-License-Identifier: MIT */
/* marks.c - a plugin of QEMU's emulator: it counts the instructions that the machine executes, of
 * everybody, and writes down how many there were at each mark. A processor that is halted executes
 * none, while its clock goes on.
 *
 *   -plugin marks.so,out=FILE[,entry=HEX][,host=FIRST-END]...
 *
 * FILE gets a line MARK INSTRUCTIONS HOST ENTRIES each time. HOST are those at the addresses of the
 * ranges (hexadecimal, END not in it): of the images of hypervisor and root, where no Linux has
 * code. ENTRIES are VMRUNs.
 *
 * Marks are the instructions of mark.asm, by number; and 0 for the first time that a kernel's
 * 64-bit entry point is reached, of which the first bytes are HEX and which is 0x200 bytes behind a
 * page's begin (Linux, Documentation/x86/boot.rst, 64-bit boot protocol). For one processor:
 * several would count into one another's counts. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the interface of plugins, version 1 (QEMU, docs/devel/tcg-plugins.rst), as far as it is used
 * here: Debian's packages have no header of it ---- */

typedef uint64_t plugin_id;

struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum plugin_op { PLUGIN_ADD_U64 };
enum plugin_registers { PLUGIN_NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                           void (*call)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*call)(unsigned processor, void *context),
                                            enum plugin_registers registers, void *context);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum plugin_op op,
                                                void *counter, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

/* What QEMU looks for. */
extern int qemu_plugin_version;
int qemu_plugin_install(plugin_id id, const void *about, int argc, char **argv);

int qemu_plugin_version = 1;

/* ---- counting ---- */

enum {
    PAGE_BYTES = 4096,
    ENTRY_OFFSET = 0x200,
    ENTRY_BYTES_MAX = 64,
    MARK_ENTRY = 0,
    HOSTS_MAX = 4
};

static const uint8_t vmrun[] = {0x0f, 0x01, 0xd8};
/* nop dword [rax + disp32], and the displacement but for its lowest byte, the mark's number */
static const uint8_t mark_begin[] = {0x0f, 0x1f, 0x80}, mark_end[] = {'m', 'r', 'k'};

static struct {
    FILE *out;
    uint8_t entry[ENTRY_BYTES_MAX];
    size_t entry_size; /* 0: it has been reached */
    struct {
        uint64_t first, end;
    } hosts[HOSTS_MAX];
    unsigned host_count;
    uint64_t instructions, in_hosts, entries;
} marks;

static void reached(unsigned processor, void *mark)
{
    (void)processor;
    fprintf(marks.out, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (unsigned)(uintptr_t)mark,
            marks.instructions, marks.in_hosts, marks.entries);
    fflush(marks.out);
}

static void entry_reached(unsigned processor, void *mark)
{
    if (marks.entry_size == 0)
        return;
    marks.entry_size = 0;
    reached(processor, mark);
}

/* Does @block begin with the bytes of the entry point, at such an address? */
static bool is_entry(const struct qemu_plugin_tb *block)
{
    size_t done = 0;

    if (marks.entry_size == 0 || qemu_plugin_tb_vaddr(block) % PAGE_BYTES != ENTRY_OFFSET)
        return false;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block) && done < marks.entry_size; i++) {
        const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
        size_t n = qemu_plugin_insn_size(insn);

        n = n < marks.entry_size - done ? n : marks.entry_size - done;
        if (memcmp(qemu_plugin_insn_data(insn), marks.entry + done, n) != 0)
            return false;
        done += n;
    }
    return done != 0;
}

/* The mark's number; negative: it is none. */
static int mark_number(const uint8_t *bytes, size_t size)
{
    const uint8_t *displacement = bytes + sizeof(mark_begin);

    if (size != sizeof(mark_begin) + 1 + sizeof(mark_end) ||
        memcmp(bytes, mark_begin, sizeof(mark_begin)) != 0 ||
        memcmp(displacement + 1, mark_end, sizeof(mark_end)) != 0)
        return -1;
    return displacement[0];
}

static bool in_host(uint64_t address)
{
    for (unsigned i = 0; i < marks.host_count; i++)
        if (address >= marks.hosts[i].first && address < marks.hosts[i].end)
            return true;
    return false;
}

static void translate_insn(struct qemu_plugin_insn *insn)
{
    const uint8_t *bytes = qemu_plugin_insn_data(insn);
    size_t size = qemu_plugin_insn_size(insn);
    int mark = mark_number(bytes, size);

    if (mark >= 0)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, reached, PLUGIN_NO_REGISTERS,
                                               (void *)(uintptr_t)mark);
    if (size == sizeof(vmrun) && memcmp(bytes, vmrun, sizeof(vmrun)) == 0)
        qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64, &marks.entries, 1);
    if (in_host(qemu_plugin_insn_vaddr(insn)))
        qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64, &marks.in_hosts, 1);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64, &marks.instructions, 1);
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    if (is_entry(block))
        qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(block, 0), entry_reached,
                                               PLUGIN_NO_REGISTERS, (void *)(uintptr_t)MARK_ENTRY);
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++)
        translate_insn(qemu_plugin_tb_get_insn(block, i));
}

/* ---- arguments ---- */

static bool read_entry(const char *hex)
{
    size_t n = strlen(hex) / 2;

    if (n == 0 || n > ENTRY_BYTES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char byte[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end;

        marks.entry[i] = (uint8_t)strtoul(byte, &end, 16);
        if (*end != '\0')
            return false;
    }
    marks.entry_size = n;
    return true;
}

static bool read_host(const char *range)
{
    char *end;

    if (marks.host_count == HOSTS_MAX)
        return false;
    marks.hosts[marks.host_count].first = strtoull(range, &end, 16);
    if (*end != '-')
        return false;
    marks.hosts[marks.host_count].end = strtoull(end + 1, &end, 16);
    marks.host_count++;
    return *end == '\0';
}

static bool read_argument(const char *text)
{
    if (strncmp(text, "entry=", 6) == 0)
        return read_entry(text + 6);
    if (strncmp(text, "host=", 5) == 0)
        return read_host(text + 5);
    if (strncmp(text, "out=", 4) != 0 || marks.out != NULL)
        return false;
    marks.out = fopen(text + 4, "w");
    return marks.out != NULL;
}

int qemu_plugin_install(plugin_id id, const void *about, int argc, char **argv)
{
    (void)about;
    for (int i = 0; i < argc; i++) {
        if (!read_argument(argv[i])) {
            fprintf(stderr, "marks: cannot use the argument %s\n", argv[i]);
            return 1;
        }
    }
    if (marks.out == NULL) {
        fputs("marks: out=FILE is missing\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}
