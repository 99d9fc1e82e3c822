// Runs a file of stimuli through @{name}: one clock a line, valid bit and inputs.
`timescale 1ns / 1ps
module @{name}_driver;
    reg clk, rst;
    reg [@{record_top}:0] given;
    wire [@{output_top}:0] found;
    wire out_valid;
    integer stimuli, responses, status, i;

    @{name} core (
        .clk(clk),
        .rst(rst),
        .in_valid(given[@{valid_bit}]),
        .out_valid(out_valid),
        @{connections}
    );

    task tick;
        begin
            #1 clk = 1'b1;
            #1 if (out_valid) $fdisplay(responses, "%h", found);
            clk = 1'b0;
        end
    endtask

    initial begin
        stimuli = $fopen("stimuli.hex", "r");
        responses = $fopen("responses.hex", "w");
        clk = 1'b0;
        rst = 1'b1;
        given = 0;
        tick;
        tick;
        rst = 1'b0;
        status = $fscanf(stimuli, "%h", given);
        while (status == 1) begin
            tick;
            status = $fscanf(stimuli, "%h", given);
        end
        given = 0;
        for (i = 0; i < @{latency}; i = i + 1) tick;
        $fclose(responses);
        $finish;
    end
endmodule
