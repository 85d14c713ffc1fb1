# A worker's devices: pure, for vmwp.elf and for host tests.
set(VMWP_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
set(VMWP_MACHINE_SOURCES
    ${VMWP_DIR}/machine.c ${VMWP_DIR}/device/calendar.c ${VMWP_DIR}/device/ioapic.c
    ${VMWP_DIR}/device/pci.c ${VMWP_DIR}/device/pm.c ${VMWP_DIR}/device/rtc.c
    ${VMWP_DIR}/device/uart.c)
