# The sources of vmwp/boot/, for the worker and for tests.
set(VMWP_BOOT_SOURCES acpi.c aml.c boot.c e820.c linux.c multiboot.c multiboot_image.c)
list(TRANSFORM VMWP_BOOT_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
