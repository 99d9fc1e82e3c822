# @{name}_c takes the best instruction set of the machine that it runs on; who links to it needs no -march.
add_library(@{name}_c @{name}_dispatch.cpp)
target_compile_features(@{name}_c PRIVATE cxx_std_17)
target_include_directories(@{name}_c PUBLIC
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/@{name}>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(@{name}_dispatch.cpp PROPERTIES COMPILE_OPTIONS -march=x86-64)
  foreach(level v3 v4)
    target_sources(@{name}_c PRIVATE @{name}_${level}.cpp)
    set_source_files_properties(@{name}_${level}.cpp PROPERTIES COMPILE_OPTIONS -march=x86-64-${level})
  endforeach()
endif()