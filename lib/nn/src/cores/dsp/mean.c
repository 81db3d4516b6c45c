/* MEAN over neighbouring axes, four results at a time. */
#include "../../nn_arith.h"
#include "dsp_kernels.h"
#include "sum4.h"

void nn_dsp_mean(const nn_mean_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t o = 0; o < p->outer; o++, in += p->count * p->inner) {
        for (uint32_t i = 0; i < p->inner; i += 4) {
            int32_t sums[4] = {p->in_sum_offset, p->in_sum_offset, p->in_sum_offset,
                               p->in_sum_offset};
            const int8_t *at = in + i;
            for (uint32_t left = p->count, some; left; left -= some, at += some * p->inner) {
                some = left < NN_DSP_SUM4_MOST ? left : NN_DSP_SUM4_MOST;
                const nn_dsp_sum4_t sum =
                    nn_dsp_sum4((nn_dsp_sum4_t){0, 0}, at, (int32_t)some, (int32_t)p->inner);
                sums[0] += nn_low_half(sum.even);
                sums[1] += nn_low_half(sum.odd);
                sums[2] += nn_high_half(sum.even);
                sums[3] += nn_high_half(sum.odd);
            }
            for (uint32_t k = 0; k < 4; k++) {
                const int32_t value = nn_rescale(sums[k], p->multiplier, p->shift);
                *out++ = nn_clamp(nn_add_wrapping(value, p->zero_point), -128, 127);
            }
        }
    }
}
