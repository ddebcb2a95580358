# The consumer's programs, for the projects of this folder: one for each backend, and one that takes the default.
# CONSUMER_LANGUAGE, C or CXX, is the only language that the project enables.
set(consumer_sources "${CMAKE_CURRENT_LIST_DIR}/consumer.c" "${CMAKE_CURRENT_LIST_DIR}/other.c")
set_source_files_properties(${consumer_sources} PROPERTIES LANGUAGE ${CONSUMER_LANGUAGE})
foreach(backend MUTEX SPIN LOCKFREE default)
  add_executable(consumer-${backend} ${consumer_sources})
  # snippet: target
  target_link_libraries(consumer-${backend} PRIVATE rouse::rouse)
  # end snippet
  target_compile_options(consumer-${backend} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
  if(NOT backend STREQUAL default)
    target_compile_definitions(consumer-${backend} PRIVATE ROUSE_BACKEND=ROUSE_BACKEND_${backend})
  endif()
endforeach()
