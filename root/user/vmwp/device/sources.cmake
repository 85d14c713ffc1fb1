# A worker's devices and its emulator of instructions: pure, for vmwp.elf and for host tests. The
# emulator needs lib/x86's decoder beside it.
set(VMWP_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
set(VMWP_MACHINE_SOURCES
    ${VMWP_DIR}/machine.c ${VMWP_DIR}/device/calendar.c ${VMWP_DIR}/device/ioapic.c
    ${VMWP_DIR}/device/pci.c ${VMWP_DIR}/device/pm.c ${VMWP_DIR}/device/rtc.c
    ${VMWP_DIR}/device/uart.c)
set(VMWP_EMULATE_SOURCES
    ${VMWP_DIR}/alu.c ${VMWP_DIR}/emulate.c ${VMWP_DIR}/emulate_string.c)
