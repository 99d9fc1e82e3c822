# Tests of @{name} with the simulators of distributions: make icarus, make verilator.
# Each ends with an error when a bench prints FAIL.
MODULES = @{name} @{name}_axis
.PHONY: all icarus verilator clean
all: icarus

icarus: $(MODULES:%=%.icarus)
verilator: $(MODULES:%=%.verilator)

%.icarus: %_test_bench.v @{name}.v @{name}_axis.v
	iverilog -g2001 -Wall -o $*.vvp -s $*_test_bench $^
	vvp -n $*.vvp | tee $*.log
	grep -q '^PASS' $*.log

%.verilator: %_test_bench.v @{name}.v @{name}_axis.v
	verilator --binary --timing -Mdir $*_verilator --top-module $*_test_bench $^
	$*_verilator/V$*_test_bench

clean:
	rm -rf *.vvp *.log *_verilator
