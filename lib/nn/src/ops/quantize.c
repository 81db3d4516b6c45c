/* QUANTIZE from int8 to int8, and RELU: rescales, then applies limits. */
#include "../nn_arith.h"
#include "../nn_kernels.h"

void nn_requantize_all(const nn_requantize_all_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t i = 0; i < p->count; i++) {
        const int32_t value = nn_rescale(in[i] + p->in_offset, p->multiplier, p->shift);
        out[i] = nn_clamp(nn_add_wrapping(value, p->zero_point), p->low, p->high);
    }
}
