/* MEAN over neighbouring axes, int8 (TFLite reference_ops::QuantizedMeanOrSum). */
#include "../nn_arith.h"
#include "../nn_kernels.h"

void nn_mean(const nn_mean_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t o = 0; o < p->outer; o++, in += p->count * p->inner) {
        for (uint32_t i = 0; i < p->inner; i++) {
            int32_t sum = p->in_sum_offset;
            const int8_t *at = in + i;
            for (uint32_t k = 0; k < p->count; k++, at += p->inner) {
                sum += *at;
            }
            const int32_t value = nn_rescale(sum, p->multiplier, p->shift);
            *out++ = nn_clamp(nn_add_wrapping(value, p->zero_point), -128, 127);
        }
    }
}
