/* The C interface from a C file. */
#include <a_mlp12_c.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  float x[12] = {0}, y[1];
  size_t bytes = a_mlp12_workspace_bytes();
  void *workspace = aligned_alloc(64, (bytes + 63) / 64 * 64);
  int status = a_mlp12_evaluate(workspace, x, y, 1);
  printf("%.9g\n", (double)y[0]);
  free(workspace);
  return status;
}
