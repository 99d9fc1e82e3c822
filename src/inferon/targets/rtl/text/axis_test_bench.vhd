-- Sends the golden events through @{name}_axis: at every clock first, then to a sink that is rarely
-- ready, then from a source that rarely has one.  Prints PASS, or FAIL and ends with an error.
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity @{name}_axis_test_bench is
end entity;

architecture bench of @{name}_axis_test_bench is
    constant events : positive := @{events};
    signal offered : std_logic_vector(@{record_top} downto 0) := (others => '0');
    signal aclk, aresetn, s_valid, s_ready, m_valid, m_ready, m_last : std_logic := '0';
    signal m_data : std_logic_vector(@{found_top} downto 0);
begin
    wrapper : entity work.@{name}_axis port map (
        aclk => aclk,
        aresetn => aresetn,
        s_axis_tdata => offered(@{given_top} downto @{given_low}),
        s_axis_tvalid => s_valid,
        s_axis_tready => s_ready,
        s_axis_tlast => offered(@{last_bit}),
        m_axis_tdata => m_data,
        m_axis_tvalid => m_valid,
        m_axis_tready => m_ready,
        m_axis_tlast => m_last
    );

    process
        -- an event: last, input data, output data
        type stream_type is array (0 to events - 1) of std_logic_vector(@{record_top} downto 0);
        file stream_file : text open read_mode is "@{name}_stream.hex";
        variable stream : stream_type;
        variable wanted : std_logic_vector(@{record_top} downto 0);
        variable row : line;
        variable random : std_logic_vector(31 downto 0) := (0 => '1', others => '0');
        variable sent, got, errors, stalls : natural := 0;
        variable is_taken : boolean;

        impure function seldom return std_logic is
        begin
            return not (random(2) or random(1) or random(0));
        end function;
    begin
        for i in stream'range loop
            readline(stream_file, row);
            hread(row, stream(i));
        end loop;
        for i in 1 to 3 loop
            wait for 1 ns;
            aclk <= '1';
            wait for 1 ns;
            aclk <= '0';
        end loop;
        aresetn <= '1';
        for clock in 0 to 40 * events + 1000 loop
            -- before an edge: what both sides do at it; a source keeps what it has offered
            random := random(30 downto 0) & (random(31) xor random(21) xor random(1) xor random(0));
            m_ready <= '1' when got < events else seldom when got < 2 * events else random(3);
            if s_valid = '0' and sent < 3 * events then
                offered <= stream(sent mod events);
                s_valid <= '1' when sent < 2 * events else seldom;
            end if;
            wait for 1 ns;
            if m_valid = '1' and m_ready = '1' then
                wanted := stream(got mod events);
                if got >= 3 * events or m_last & m_data /= wanted(@{last_bit}) & wanted(@{found_top} downto 0) then
                    errors := errors + 1;
                    report "event " & to_string(got) & ": found " & to_string(m_last) & " "
                        & to_hstring(m_data);
                end if;
                got := got + 1;
            end if;
            is_taken := s_valid = '1' and s_ready = '1';
            if s_valid = '1' and s_ready = '0' and got < events then
                stalls := stalls + 1;
            end if;
            aclk <= '1';
            wait for 1 ns;
            aclk <= '0';
            if is_taken then
                sent := sent + 1;
                s_valid <= '0';
            end if;
            wait for 1 ns;
        end loop;
        if errors = 0 and got = 3 * events and stalls = 0 then
            write(row, "PASS: " & to_string(got) & " events, with and without back pressure");
            writeline(output, row);
        else
            write(row, "FAIL: " & to_string(errors) & " errors, " & to_string(got) & " of "
                & to_string(3 * events) & " events, " & to_string(stalls) & " stalls");
            writeline(output, row);
            report "FAIL" severity failure;
        end if;
        wait;
    end process;
end architecture;
