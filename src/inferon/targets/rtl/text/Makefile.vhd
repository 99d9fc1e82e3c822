# Tests of @{name} with GHDL; an error ends it when a bench prints FAIL.
# Assertions of the IEEE packages are off: registers hold nothing until the first event reaches them.
.PHONY: all ghdl clean
all: ghdl

ghdl: @{name}.vhd @{name}_axis.vhd @{name}_test_bench.vhd @{name}_axis_test_bench.vhd
	ghdl -a --std=08 $^
	ghdl -e --std=08 @{name}_test_bench
	ghdl -r --std=08 @{name}_test_bench --ieee-asserts=disable
	ghdl -e --std=08 @{name}_axis_test_bench
	ghdl -r --std=08 @{name}_axis_test_bench --ieee-asserts=disable

clean:
	rm -f *.cf *.o
