add_library(@{name}_c @{name}_c.cpp)
target_link_libraries(@{name}_c PUBLIC @{name})