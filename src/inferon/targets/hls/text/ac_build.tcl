# Catapult: read, check, schedule against the clock, and write RTL.
#   catapult -shell -file build.tcl
project new -name @{name}_prj
options set Input/CppStandard c++17
solution file add ./@{name}.cpp -type C++
solution file add ./@{name}_test.cpp -type C++ -exclude true
go analyze
directive set -DESIGN_HIERARCHY @{name}_top
go compile
# A library for the part goes here: solution library add NAME -- -rtlsyntool TOOL -part @{part}
go libraries
directive set -CLOCKS {clk {-CLOCK_PERIOD @{clock} -CLOCK_EDGE rising -RESET_KIND sync}}
go assembly
go architect
go extract
