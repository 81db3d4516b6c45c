/* RELU6: applies limits only. (RELU also rescales: quantize.c.) */
#include "../nn_arith.h"
#include "../nn_kernels.h"

void nn_clamp_all(const nn_clamp_all_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t i = 0; i < p->count; i++) {
        out[i] = nn_clamp(in[i], p->low, p->high);
    }
}
