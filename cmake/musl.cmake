# musl, the C library of ring-3 programs: Debian's musl-dev, or an installation of one's own
# (-DMUSL_PREFIX=FOLDER with include/ and lib/).
#
#   MUSL_INCLUDE_DIR   its headers, all that such a program includes
#   MUSL_LIBRARY       libc.a
#   MUSL_START, MUSL_END   start code, linked before and behind everything else
include_guard()

set(MUSL_PREFIX "" CACHE PATH "Where musl is installed, if not where Debian puts it")
set(musl_includes ${MUSL_PREFIX}/include /usr/include/x86_64-linux-musl /usr/local/musl/include)
set(musl_libraries ${MUSL_PREFIX}/lib /usr/lib/x86_64-linux-musl /usr/local/musl/lib)

find_path(MUSL_INCLUDE_DIR NAMES bits/alltypes.h PATHS ${musl_includes} NO_DEFAULT_PATH)
find_file(MUSL_LIBRARY NAMES libc.a PATHS ${musl_libraries} NO_DEFAULT_PATH)
foreach(part crt1 crti crtn)
  find_file(MUSL_${part} NAMES ${part}.o PATHS ${musl_libraries} NO_DEFAULT_PATH)
endforeach()
if(NOT MUSL_INCLUDE_DIR OR NOT MUSL_LIBRARY OR NOT MUSL_crt1)
  message(FATAL_ERROR "musl is not installed: ./verdigris setup, or -DMUSL_PREFIX=FOLDER")
endif()
set(MUSL_START ${MUSL_crt1} ${MUSL_crti})
set(MUSL_END ${MUSL_crtn})
