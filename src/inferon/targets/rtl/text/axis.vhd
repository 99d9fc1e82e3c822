-- @{name} behind AXI4-Stream: a beat is an event.  The core never stops, so its outputs go through
-- a FIFO of @{depth} events, and an event is taken only when a place is left for it: none is lost under
-- back pressure, and without it an event goes in and out at every clock.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity @{name}_axis is
    port (
        aclk          : in  std_logic;
        aresetn       : in  std_logic;
        s_axis_tdata  : in  std_logic_vector(@{given_top} downto 0);  -- @{given_layout}
        s_axis_tvalid : in  std_logic;
        s_axis_tready : out std_logic;
        s_axis_tlast  : in  std_logic;
        m_axis_tdata  : out std_logic_vector(@{found_top} downto 0);  -- @{found_layout}
        m_axis_tvalid : out std_logic;
        m_axis_tready : in  std_logic;
        m_axis_tlast  : out std_logic
    );
end entity;

architecture rtl of @{name}_axis is
    type memory_type is array (0 to @{depth_top}) of std_logic_vector(@{entry_top} downto 0);
    signal memory : memory_type;
    signal room, written, taken : unsigned(@{address_bits} downto 0);
    signal last : std_logic_vector(@{latency_top} downto 0);
    signal found : std_logic_vector(@{found_top} downto 0) := (others => '0');
    signal entry : std_logic_vector(@{entry_top} downto 0);
    signal take, give, found_valid, reset : std_logic;
begin
    take <= s_axis_tvalid and s_axis_tready;
    give <= m_axis_tvalid and m_axis_tready;
    reset <= not aresetn;

    -- ---- places of the FIFO that no event has, neither in it nor on the way to it
    process (aclk) begin
        if rising_edge(aclk) then
            if aresetn = '0' then
                room <= to_unsigned(@{depth}, @{count_bits});
            elsif take = '1' and give = '0' then
                room <= room - 1;
            elsif give = '1' and take = '0' then
                room <= room + 1;
            end if;
        end if;
    end process;
    s_axis_tready <= '1' when room /= 0 else '0';

    -- ---- the core, and the end of a packet beside it
    core : entity work.@{name} port map (
        clk => aclk,
        rst => reset,
        in_valid => take,
        out_valid => found_valid,
        @{connections}
    );
@{padding}    process (aclk) begin
        if rising_edge(aclk) then
            last <= @{last_moved};
        end if;
    end process;

    -- ---- the FIFO
    process (aclk) begin
        if rising_edge(aclk) then
            if aresetn = '0' then
                written <= (others => '0');
                taken <= (others => '0');
            else
                if found_valid = '1' then
                    written <= written + 1;
                end if;
                if give = '1' then
                    taken <= taken + 1;
                end if;
            end if;
            if found_valid = '1' then
                memory(to_integer(written(@{address_top} downto 0))) <= last(@{latency_top}) & found;
            end if;
        end if;
    end process;
    entry <= memory(to_integer(taken(@{address_top} downto 0)));
    m_axis_tvalid <= '1' when written /= taken else '0';
    m_axis_tlast <= entry(@{entry_top});
    m_axis_tdata <= entry(@{found_top} downto 0);
end architecture;
