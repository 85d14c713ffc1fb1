# The warning set of every C target of this tree. A warning is an error with both compilers.
set(VERDIGRIS_WARNINGS
    -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wvla
    -Wmissing-prototypes -Wstrict-prototypes -Wunused-macros -Wwrite-strings -Wswitch-default
    -Wimplicit-fallthrough -Wpointer-arith)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND VERDIGRIS_WARNINGS -Warith-conversion -Wlogical-op -Wduplicated-cond)
else()
  list(APPEND VERDIGRIS_WARNINGS -Wthread-safety)
endif()
