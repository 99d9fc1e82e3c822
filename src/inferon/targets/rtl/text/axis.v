// @{name} behind AXI4-Stream: a beat is an event.  The core never stops, so its outputs go through
// a FIFO of @{depth} events, and an event is taken only when a place is left for it: none is lost under
// back pressure, and without it an event goes in and out at every clock.
`timescale 1ns / 1ps
`default_nettype none

module @{name}_axis (
    input  wire aclk,
    input  wire aresetn,
    input  wire [@{given_top}:0] s_axis_tdata,  // @{given_layout}
    input  wire s_axis_tvalid,
    output wire s_axis_tready,
    input  wire s_axis_tlast,
    output wire [@{found_top}:0] m_axis_tdata,  // @{found_layout}
    output wire m_axis_tvalid,
    input  wire m_axis_tready,
    output wire m_axis_tlast
);
    wire take = s_axis_tvalid & s_axis_tready;
    wire give = m_axis_tvalid & m_axis_tready;

    // ---- places of the FIFO that no event has, neither in it nor on the way to it
    reg [@{address_bits}:0] room;
    always @@(posedge aclk) begin
        if (!aresetn) room <= @{count_bits}'d@{depth};
        else if (take & !give) room <= room - @{count_bits}'d1;
        else if (give & !take) room <= room + @{count_bits}'d1;
    end
    assign s_axis_tready = room != @{count_bits}'d0;

    // ---- the core, and the end of a packet beside it
    wire [@{found_top}:0] found;
    wire found_valid;
    @{name} core (
        .clk(aclk),
        .rst(!aresetn),
        .in_valid(take),
        .out_valid(found_valid),
        @{connections}
    );
@{padding}    reg [@{latency_top}:0] last;
    always @@(posedge aclk) last <= @{last_moved};

    // ---- the FIFO
    reg [@{entry_top}:0] memory [0:@{depth_top}];
    reg [@{address_bits}:0] written, read;
    always @@(posedge aclk) begin
        if (!aresetn) begin
            written <= @{count_bits}'d0;
            read <= @{count_bits}'d0;
        end else begin
            if (found_valid) written <= written + @{count_bits}'d1;
            if (give) read <= read + @{count_bits}'d1;
        end
        if (found_valid) memory[written[@{address_top}:0]] <= {last[@{latency_top}], found};
    end
    assign m_axis_tvalid = written != read;
    assign {m_axis_tlast, m_axis_tdata} = memory[read[@{address_top}:0]];
endmodule
`default_nettype wire
