/* Prints the instruction set, the status of a call, and the bits of its outputs. */
#include <a_mlp12_c.h>
#include <stdio.h>
#include <string.h>

enum { events = 37 };
static _Alignas(64) unsigned char workspace[1 << 20];

int main(void) {
  static float x[events * 12], y[events];
  for (int i = 0; i < events * 12; ++i) x[i] = (float)(i * 37 % 101) / 25.0f - 2.0f;
  if (a_mlp12_workspace_bytes() > sizeof workspace) return 1;
  printf("%s\n", a_mlp12_instruction_set());
  printf("%d\n", a_mlp12_evaluate(workspace, x, y, events));
  for (int i = 0; i < events; ++i) {
    unsigned bits;
    memcpy(&bits, &y[i], sizeof bits);
    printf("%08x\n", bits);
  }
  return 0;
}
