/* FULLY_CONNECTED: widens an input once for four outputs. */
#include <stdbool.h>

#include "dense.h"
#include "dsp_kernels.h"
#include "line.h"
#include "patch.h"
#include "requantize.h"

enum { GROUP = 4 };

/* Widens the last inputs, which do not fill a block. */
static inline uint32_t load_rest(const int8_t *at, uint32_t count) {
    uint32_t x = 0;
    memcpy(&x, at, count);
    return x;
}

static inline int32_t add16(int32_t sum, uint32_t four, const uint32_t *w) {
    return nn_smlad(nn_sxtb16_odd(four), w[1], nn_smlad(nn_sxtb16(four), w[0], sum));
}

static inline int8_t limited(const nn_dsp_out_t *o, int32_t x) {
    return (int8_t)(o->limited ? nn_dsp_limit(x, o) : x);
}

/* Adds all products of one output. */
static inline int32_t add_all(const nn_dsp_dense_t *job, int32_t sum, const uint32_t **w) {
    for (const int8_t *at = job->in; at < job->end; at += 4, *w += 2) {
        sum = add16(sum, nn_load4(at), *w);
    }
    if (job->has_rest) {
        sum = add16(sum, job->rest, *w);
        *w += 2;
    }
    return sum;
}

/* straight: whether a line rescales the sums */
static inline void multiply(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out,
                            void (*dense)(const nn_dsp_dense_t *job), const bool straight) {
    const uint32_t rest = p->inputs % 4, whole = p->inputs - rest;
    const uint32_t words = 2 * ((p->inputs + 3) / 4), first = p->outputs / GROUP * GROUP;
    const nn_dsp_channel_t *channels = nn_dsp_channels(&p->out);
    const nn_dsp_slope_t *slopes = nn_dsp_slopes(&p->out);
    for (uint32_t n = p->batches; n; n--, in += p->inputs, out += p->outputs) {
        const nn_dsp_dense_t job = {
            .in = in,
            .end = in + whole,
            .weights = p->weights16,
            .channels = p->out.channels,
            .out = out,
            .groups = first / GROUP,
            .has_rest = rest > 0,
            .rest = load_rest(in + whole, rest),
            .limited = p->out.limited,
            .low = nn_four_times(p->out.low),
            .high = nn_four_times(p->out.high),
        };
        if (first) {
            dense(&job);
        }
        const uint32_t *w = p->weights16 + first * words;
        for (uint32_t i = first; i < p->outputs; i++) {
            const int32_t sum = add_all(&job, straight ? slopes[i].start : channels[i].bias, &w);
            out[i] = limited(&p->out, straight ? nn_dsp_line(sum, slopes[i].slope)
                                               : nn_dsp_requantize(sum, &channels[i]));
        }
    }
}

void nn_dsp_fully_connected(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out) {
    multiply(p, in, out, nn_dsp_dense, false);
}

void nn_dsp_fully_connected_line(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out) {
    multiply(p, in, out, nn_dsp_dense_line, true);
}

static inline int32_t add8(int32_t sum, uint32_t x0, uint32_t x1, const int8_t *w) {
    const uint32_t four = nn_load4(w);
    return nn_smlad(x1, nn_sxtb16_odd(four), nn_smlad(x0, nn_sxtb16(four), sum));
}

static inline int8_t finish(const nn_dsp_out_t *o, const nn_dsp_channel_t *c, int32_t sum) {
    return limited(o, nn_dsp_requantize(2 * sum, c));
}

void nn_dsp_fully_connected_small(const nn_dsp_fully_connected_t *p, const int8_t *in,
                                  int8_t *out) {
    const uint32_t rest = p->inputs % 4, blocks = (p->inputs + 3) / 4;
    for (uint32_t n = p->batches; n; n--, in += p->inputs) {
        const nn_dsp_channel_t *c = nn_dsp_channels(&p->out);
        const int8_t *w = p->weights8;
        uint32_t left = p->outputs;
        for (; left >= GROUP; left -= GROUP, c += GROUP, out += GROUP) {
            int32_t s0 = c[0].bias, s1 = c[1].bias, s2 = c[2].bias, s3 = c[3].bias;
            const int8_t *at = in;
            for (uint32_t i = blocks; i; i--, at += 4, w += 4 * GROUP) {
                const uint32_t four = i > 1 || !rest ? nn_load4(at) : load_rest(at, rest);
                const uint32_t x0 = nn_sxtb16(four), x1 = nn_sxtb16_odd(four);
                s0 = add8(s0, x0, x1, w);
                s1 = add8(s1, x0, x1, w + 4);
                s2 = add8(s2, x0, x1, w + 8);
                s3 = add8(s3, x0, x1, w + 12);
            }
            out[0] = finish(&p->out, c, s0);
            out[1] = finish(&p->out, c + 1, s1);
            out[2] = finish(&p->out, c + 2, s2);
            out[3] = finish(&p->out, c + 3, s3);
        }
        for (; left; left--, c++, out++) {
            int32_t sum = c->bias;
            const int8_t *at = in;
            for (uint32_t i = blocks; i; i--, at += 4, w += 4) {
                const uint32_t four = i > 1 || !rest ? nn_load4(at) : load_rest(at, rest);
                sum = add8(sum, nn_sxtb16(four), nn_sxtb16_odd(four), w);
            }
            *out = finish(&p->out, c, sum);
        }
    }
}
