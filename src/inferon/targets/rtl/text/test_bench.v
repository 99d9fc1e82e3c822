// Runs the golden events through @{name}, with gaps between them and a reset in the middle.
// Prints PASS or FAIL; FAIL ends with $stop, which batch runs of simulators report as an error.
`timescale 1ns / 1ps
module @{name}_test_bench;
    reg clk;
    reg [@{record_top}:0] golden;  // a clock: rst, in_valid, inputs, then out_valid and outputs
    wire [@{input_top}:0] given = golden[@{given_top}:@{given_low}];
    wire [@{output_top}:0] wanted = golden[@{output_top}:0];
    wire wanted_valid = golden[@{valid_bit}];
    wire [@{output_top}:0] found;
    wire found_valid;
    integer file, status, clocks, events, errors;

    @{name} core (
        .clk(clk),
        .rst(golden[@{reset_bit}]),
        .in_valid(golden[@{in_valid_bit}]),
        .out_valid(found_valid),
        @{connections}
    );

    initial begin
        clk = 1'b0;
        golden = 0;
        clocks = 0;
        events = 0;
        errors = 0;
        file = $fopen("@{name}_golden.hex", "r");
        status = $fscanf(file, "%h", golden);
        while (status == 1) begin
            #1 clk = 1'b1;
            #1 if (found_valid !== wanted_valid) begin
                errors = errors + 1;
                $display("clock %0d: out_valid is %b, not %b", clocks, found_valid, wanted_valid);
            end else if (wanted_valid) begin
                events = events + 1;
                if (found !== wanted) begin
                    errors = errors + 1;
                    $display("clock %0d: found %h, wanted %h", clocks, found, wanted);
                end
            end
            clk = 1'b0;
            clocks = clocks + 1;
            status = $fscanf(file, "%h", golden);
        end
        $fclose(file);
        if (errors == 0 && events == @{events}) begin
            $display("PASS: %0d events in %0d clocks", events, clocks);
            $finish;
        end else begin
            $display("FAIL: %0d errors, %0d of @{events} events", errors, events);
            $stop;
        end
    end
endmodule
