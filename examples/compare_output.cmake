# Runs PROGRAM and compares its standard output with the file EXPECTED:
#     cmake -DPROGRAM=… -DEXPECTED=… -P compare_output.cmake
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM}: exit status ${result}")
endif()
file(READ ${EXPECTED} expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed\n${output}instead of\n${expected}")
endif()
message("${output}as expected")
