// Two models in one translation unit, found by CMake.
#include <cstdio>

#include "a_mlp12_weights.hpp"
#include "g_gru_weights.hpp"

int main() {
  static inferon::a_mlp12::Workspace scratch;
  static inferon::g_gru::Workspace more;
  float x[inferon::a_mlp12::Meta::in_x_size] = {}, y[inferon::a_mlp12::Meta::out_y_size];
  float steps[inferon::g_gru::Meta::in_x_size] = {}, z[inferon::g_gru::Meta::out_y_size];
  inferon::a_mlp12::evaluate(inferon::a_mlp12::embedded_weights(), scratch, x, y);
  inferon::g_gru::evaluate(inferon::g_gru::embedded_weights(), more, steps, z);
  inferon::g_gru::evaluate(inferon::g_gru::embedded_weights(), steps, z);
  std::printf("%.9g %.9g\n", static_cast<double>(y[0]), static_cast<double>(z[0]));
  return 0;
}
