/* DEPTHWISE_CONV_2D with one output a channel, and what NN_M0_COLUMN does, in C for tests on other
 * processors. */
#include "m0plus_kernels.h"

void nn_m0_depthwise_column(const nn_m0_depthwise_column_t *p, const int8_t *in, int8_t *out) {
    const nn_m0_column_t run = {
        .x = in,
        .stream = p->stream,
        .end = p->stream + p->stream_words,
        .out = out,
        .pitch = p->pitch,
    };
    p->column(&run);
}

#if !defined(__ARM_ARCH_6M__)
#include "line.h"

void nn_m0_column(const nn_m0_column_t *run, uint32_t taps, uint32_t narrow, uint32_t fine,
                  uint32_t is_signed) {
    const int8_t *channel = run->x;
    int8_t *out = run->out;
    for (const int32_t *at = run->stream; at != run->end; channel++, out++) {
        const int8_t *x = channel;
        int32_t sum = *at++;
        for (uint32_t pairs = taps / 2; pairs; pairs--, x += 2 * run->pitch) {
            const uint32_t pair = (uint32_t)(x[0] * 65536 + x[run->pitch]);
            sum = nn_m0_add_upper(sum, pair * (uint32_t)*at++);
        }
        if (taps & 1u) {
            sum += *x * *at++;
        }
        at = nn_m0_requantize(at, sum, narrow, fine, is_signed, out);
    }
}
#endif
