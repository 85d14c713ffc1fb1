# Write version.h: run at each build as a script, and touches the file only when it changes.
#   cmake -DSOURCE=... -DVERSION=... -DTEMPLATE=... -DOUTPUT=... -P version.cmake
execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
                WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE COMMIT ERROR_QUIET
                OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT COMMIT)
  set(COMMIT "no commit")
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
