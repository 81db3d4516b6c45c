/* What NN_M0_DOT does, in C: for tests on other processors. */
#include "dot.h"

#if !defined(__ARM_ARCH_6M__)
#include "line.h"

void nn_m0_dot(nn_m0_run_t *run, uint32_t words, uint32_t rows, uint32_t loop, uint32_t skip,
               uint32_t narrow, uint32_t fine, uint32_t is_signed, uint32_t odd) {
    const uint32_t row_words = words + (skip ? run->row_skip / 4 : 0);
    const uint32_t all = loop ? run->span / 4 / row_words : rows;
    for (; run->pixels; run->pixels--, run->x += run->pixel_step / 4, run->out += run->out_skip) {
        const int32_t *at = run->stream;
        while (at != run->end) {
            int32_t a = *at++, b = *at++;
            for (uint32_t y = 0; y < all; y++) {
                for (uint32_t i = 0; i < words; i++, at += 2) {
                    const uint32_t x = (uint32_t)run->x[y * row_words + i];
                    a = nn_m0_add_upper(a, x * (uint32_t)at[0]);
                    b = nn_m0_add_upper(b, x * (uint32_t)at[1]);
                }
            }
            int8_t value;
            at = nn_m0_requantize(at, a, narrow, fine, is_signed, run->out++);
            at = nn_m0_requantize(at, b, narrow, fine, is_signed, &value);
            if (!odd || at != run->end) {
                *run->out++ = value;
            }
        }
    }
}
#endif
