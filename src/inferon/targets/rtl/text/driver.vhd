-- Runs a file of stimuli through @{name}: one clock a line, valid bit and inputs.
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity @{name}_driver is
end entity;

architecture bench of @{name}_driver is
    signal clk, rst, out_valid : std_logic := '0';
    signal given : std_logic_vector(@{record_top} downto 0) := (others => '0');
    signal found : std_logic_vector(@{output_top} downto 0) := (others => '0');
begin
    core : entity work.@{name} port map (
        clk => clk,
        rst => rst,
        in_valid => given(@{valid_bit}),
        out_valid => out_valid,
        @{connections}
    );

    process
        file stimuli : text open read_mode is "stimuli.hex";
        file responses : text open write_mode is "responses.hex";
        variable row : line;
        variable record_now : std_logic_vector(given'range);

        procedure tick is
        begin
            wait for 1 ns;
            clk <= '1';
            wait for 1 ns;
            if out_valid = '1' then
                hwrite(row, found);
                writeline(responses, row);
            end if;
            clk <= '0';
            wait for 0 ns;
        end procedure;
    begin
        rst <= '1';
        tick;
        tick;
        rst <= '0';
        while not endfile(stimuli) loop
            readline(stimuli, row);
            hread(row, record_now);
            given <= record_now;
            tick;
        end loop;
        given <= (others => '0');
        for i in 1 to @{latency} loop
            tick;
        end loop;
        wait;
    end process;
end architecture;
