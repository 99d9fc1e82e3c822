# Vitis HLS: simulate, synthesize, compare the RTL with the test bench, and pack the result.
#   vitis_hls -f build.tcl          (2024.2 and later: vitis-run --mode hls --tcl build.tcl)
# Some of the steps: STEPS="csim csynth" vitis_hls -f build.tcl
set steps "csim csynth cosim export"
if {[info exists ::env(STEPS)]} { set steps $::env(STEPS) }

open_project -reset @{name}_prj
set_top @{name}_top
add_files @{name}.cpp
add_files -tb @{name}_test.cpp
open_solution -reset -flow_target vivado solution1
set_part @{part}
create_clock -period @{clock} -name default

if {"csim" in $steps} { csim_design }
if {"csynth" in $steps} { csynth_design }
if {"cosim" in $steps} { cosim_design }
if {"export" in $steps} { export_design -format ip_catalog }
exit
