/* Which instruction set is taken here: "x86-64-v4", "x86-64-v3", "AArch64", or "none". */
const char* @{name}_instruction_set(void);
