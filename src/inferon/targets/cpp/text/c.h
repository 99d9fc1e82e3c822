/* The C interface of @{name}: what dlopen, Python and Fortran call. */
#ifndef INFERON_@{NAME}_C_H
#define INFERON_@{NAME}_C_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
@{dispatch}/* Bytes of the workspace that each concurrent call needs, aligned to 64. */
size_t @{name}_workspace_bytes(void);
/* Evaluates events that lie one behind the other, with the embedded weights. Returns 0@{or_else}. */
int @{name}_evaluate(void* workspace, @{ports}, size_t events);
/* The same for columns: element k of event i lies at in[k][i] and out[k][i]. */
int @{name}_evaluate_columns(void* workspace, @{columns}, size_t events);
@{ragged}/* The first one with weights from @{name}_weights.bin, mapped or read to an address aligned to 64.
   Returns 0, or 1 when the bytes are not those weights. */
int @{name}_check_weights(const void* weights, size_t bytes);
int @{name}_evaluate_with(const void* weights, void* workspace, @{ports}, size_t events);
#ifdef __cplusplus
}
#endif
#endif
