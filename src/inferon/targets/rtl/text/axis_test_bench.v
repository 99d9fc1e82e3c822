// Sends the golden events through @{name}_axis: at every clock first, then to a sink that is rarely
// ready, then from a source that rarely has one.  Prints PASS or FAIL, as the other test bench.
`timescale 1ns / 1ps
module @{name}_axis_test_bench;
    localparam events = @{events};
    reg [@{record_top}:0] stream [0:@{events_top}];  // an event: last, input data, output data
    reg aclk, aresetn, s_valid, m_ready;
    reg [31:0] random;
    integer sent, got, errors, clocks, stalls;

    wire [@{record_top}:0] now = stream[sent % events];
    wire [@{record_top}:0] wanted = stream[got % events];
    wire s_ready, m_valid, m_last;
    wire [@{found_top}:0] m_data;

    @{name}_axis wrapper (
        .aclk(aclk),
        .aresetn(aresetn),
        .s_axis_tdata(now[@{given_top}:@{given_low}]),
        .s_axis_tvalid(s_valid),
        .s_axis_tready(s_ready),
        .s_axis_tlast(now[@{last_bit}]),
        .m_axis_tdata(m_data),
        .m_axis_tvalid(m_valid),
        .m_axis_tready(m_ready),
        .m_axis_tlast(m_last)
    );

    // ---- before an edge: what both sides do at it; a source that has offered an event keeps it
    task decide;
        begin
            random = {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
            m_ready = got < events || (got < 2 * events ? random[2:0] == 3'd0 : random[3]);
            if (!s_valid) s_valid = sent < 3 * events && (sent < 2 * events || random[6:4] == 3'd0);
        end
    endtask

    task check;
        begin
            if (got >= 3 * events || m_data !== wanted[@{found_top}:0] || m_last !== wanted[@{last_bit}]) begin
                errors = errors + 1;
                $display("event %0d: found %b %h, wanted %b %h", got, m_last, m_data,
                         wanted[@{last_bit}], wanted[@{found_top}:0]);
            end
            got = got + 1;
        end
    endtask

    initial begin
        $readmemh("@{name}_stream.hex", stream);
        aclk = 1'b0;
        aresetn = 1'b0;
        s_valid = 1'b0;
        m_ready = 1'b0;
        random = 32'd1;
        sent = 0;
        got = 0;
        errors = 0;
        stalls = 0;
        repeat (3) begin
            #1 aclk = 1'b1;
            #1 aclk = 1'b0;
        end
        aresetn = 1'b1;
        for (clocks = 0; clocks < 40 * events + 1000; clocks = clocks + 1) begin
            decide;
            #1 if (m_valid && m_ready) check;
            if (s_valid && s_ready) begin
                #1 aclk = 1'b1;
                #1 sent = sent + 1;
                s_valid = 1'b0;
            end else begin
                if (s_valid && got < events) stalls = stalls + 1;
                #1 aclk = 1'b1;
                #1;
            end
            aclk = 1'b0;
        end
        if (errors == 0 && got == 3 * events && stalls == 0) begin
            $display("PASS: %0d events, with and without back pressure", got);
            $finish;
        end else begin
            $display("FAIL: %0d errors, %0d of %0d events, %0d stalls", errors, got, 3 * events, stalls);
            $stop;
        end
    end
endmodule
