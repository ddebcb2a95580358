# Runs packaging/vcpkg/rouse/portfile.cmake without vcpkg: its helpers are stood in for by plain calls of cmake.
# This checks the recipe's steps and what they install, not vcpkg itself.
#
#   cmake -DPORT=<folder of the port> -DWORK=<scratch folder> -P vcpkg.cmake
set(CURRENT_PACKAGES_DIR "${WORK}/vcpkg-package")
set(build "${WORK}/vcpkg-build")

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    message(FATAL_ERROR "${ARGV}: ${said}")
  endif()
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" SOURCE_PATH OPTIONS)
  run("${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${build}" ${arg_OPTIONS}
    "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}")
endfunction()
function(vcpkg_cmake_install)
  run("${CMAKE_COMMAND}" --install "${build}")
endfunction()
# vcpkg moves the package files one folder up, and takes one step out of the way from them to the prefix.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "PACKAGE_NAME;CONFIG_PATH" "")
  file(COPY "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/" DESTINATION
    "${CURRENT_PACKAGES_DIR}/share/${arg_PACKAGE_NAME}")
  set(targets "${CURRENT_PACKAGES_DIR}/share/${arg_PACKAGE_NAME}/rouse-targets.cmake")
  file(READ "${targets}" text)
  set(step "get_filename_component(_IMPORT_PREFIX \"\${_IMPORT_PREFIX}\" PATH)\n")
  string(REPLACE "${step}${step}${step}" "${step}${step}" text "${text}")
  file(WRITE "${targets}" "${text}")
endfunction()
function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/share/pkgconfig/rouse.pc")
    message(FATAL_ERROR "no rouse.pc was installed")
  endif()
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" FILE_LIST)
  configure_file(${arg_FILE_LIST} "${CURRENT_PACKAGES_DIR}/share/rouse/copyright" COPYONLY)
endfunction()

include("${PORT}/portfile.cmake")
