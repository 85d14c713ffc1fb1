# The sources of hypervisor/mm, relative to hypervisor/. Targets that compile them add the backend's
# folder (virt/svm) to their include path: it has slat_format.h.
set(MM_SOURCES mm/pfn.c mm/pool.c mm/slat.c mm/slat_walk.c mm/overlay.c mm/guest.c mm/mm.c)
