# What a module and a sample use of Zephyr's package. CONFIGURED is a file that sets CONFIG_...; in
# Zephyr, Kconfig makes it. Zephyr starts the project itself, before the application does.
project(Zephyr C)
include(${CONFIGURED})

add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_LIST_DIR})
add_executable(app ${CMAKE_CURRENT_LIST_DIR}/driver.c)
target_link_libraries(app PRIVATE zephyr_interface)

function(zephyr_include_directories)
  foreach(folder ${ARGN})
    target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  endforeach()
endfunction()

macro(zephyr_library)
  string(REPLACE / _ name "library${CMAKE_CURRENT_SOURCE_DIR}")
  string(REPLACE " " _ ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${ZEPHYR_CURRENT_LIBRARY} STATIC)
  target_link_libraries(${ZEPHYR_CURRENT_LIBRARY} PUBLIC zephyr_interface)
  target_link_libraries(app PRIVATE ${ZEPHYR_CURRENT_LIBRARY})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

foreach(module ${ZEPHYR_EXTRA_MODULES})
  add_subdirectory(${module} ${CMAKE_BINARY_DIR}/modules/${module})
endforeach()
