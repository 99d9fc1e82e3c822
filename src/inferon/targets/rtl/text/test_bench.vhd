-- Runs the golden events through @{name}, with gaps between them and a reset in the middle.
-- Prints PASS, or FAIL and ends with an error.
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity @{name}_test_bench is
end entity;

architecture bench of @{name}_test_bench is
    -- a clock: rst, in_valid, inputs, then out_valid and outputs
    signal golden : std_logic_vector(@{record_top} downto 0) := (others => '0');
    signal given : std_logic_vector(@{input_top} downto 0);
    signal found : std_logic_vector(@{output_top} downto 0);
    signal clk, found_valid : std_logic := '0';
begin
    given <= golden(@{given_top} downto @{given_low});

    core : entity work.@{name} port map (
        clk => clk,
        rst => golden(@{reset_bit}),
        in_valid => golden(@{in_valid_bit}),
        out_valid => found_valid,
        @{connections}
    );

    process
        file golden_file : text open read_mode is "@{name}_golden.hex";
        variable row : line;
        variable record_now : std_logic_vector(golden'range);
        variable clocks, events, errors : natural := 0;
    begin
        while not endfile(golden_file) loop
            readline(golden_file, row);
            hread(row, record_now);
            golden <= record_now;
            wait for 1 ns;
            clk <= '1';
            wait for 1 ns;
            if found_valid /= golden(@{valid_bit}) then
                errors := errors + 1;
                report "clock " & to_string(clocks) & ": out_valid is " & to_string(found_valid);
            elsif found_valid = '1' then
                events := events + 1;
                if found /= golden(@{output_top} downto 0) then
                    errors := errors + 1;
                    report "clock " & to_string(clocks) & ": found " & to_hstring(found)
                        & ", wanted " & to_hstring(golden(@{output_top} downto 0));
                end if;
            end if;
            clk <= '0';
            clocks := clocks + 1;
        end loop;
        if errors = 0 and events = @{events} then
            write(row, "PASS: " & to_string(events) & " events in " & to_string(clocks) & " clocks");
            writeline(output, row);
        else
            write(row, "FAIL: " & to_string(errors) & " errors, " & to_string(events)
                & " of @{events} events");
            writeline(output, row);
            report "FAIL" severity failure;
        end if;
        wait;
    end process;
end architecture;
