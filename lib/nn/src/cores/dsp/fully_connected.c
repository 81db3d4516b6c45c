/* FULLY_CONNECTED: widens an input once for four outputs. */
#include "dsp_kernels.h"
#include "patch.h"
#include "requantize.h"

enum { GROUP = 4 };

static inline int32_t add16(int32_t sum, uint32_t x0, uint32_t x1, const uint32_t *w) {
    return nn_smlad(x1, w[1], nn_smlad(x0, w[0], sum));
}

static inline int32_t add8(int32_t sum, uint32_t x0, uint32_t x1, const int8_t *w) {
    const uint32_t four = nn_load4(w);
    return nn_smlad(x1, nn_sxtb16_odd(four), nn_smlad(x0, nn_sxtb16(four), sum));
}

static inline int8_t finish(const nn_dsp_out_t *o, const nn_dsp_channel_t *c, int32_t twice) {
    const int32_t x = nn_dsp_requantize(twice, c);
    return (int8_t)(o->limited ? nn_dsp_limit(x, o) : x);
}

/* Widens the last inputs, which do not fill a block. */
static inline uint32_t load_rest(const int8_t *at, uint32_t count) {
    uint32_t x = 0;
    memcpy(&x, at, count);
    return x;
}

/* weights_t: type of the weights. words: how many are a block. add: adds a block's products. scale:
 * turns a sum into twice the sum. */
#define MULTIPLY(weights_t, first, words, add, scale)                                              \
    const uint32_t blocks = p->inputs / 4, rest = p->inputs % 4;                                   \
    for (uint32_t n = p->batches; n; n--, in += p->inputs) {                                       \
        const nn_dsp_channel_t *c = nn_dsp_channels(&p->out);                                      \
        const weights_t *w = (first);                                                              \
        uint32_t left = p->outputs;                                                                \
        for (; left >= GROUP; left -= GROUP, c += GROUP, out += GROUP) {                           \
            int32_t s0 = c[0].bias, s1 = c[1].bias, s2 = c[2].bias, s3 = c[3].bias;                \
            const int8_t *at = in;                                                                 \
            for (uint32_t i = blocks + (rest > 0); i; i--, at += 4, w += GROUP * (words)) {        \
                const uint32_t four = i > 1 || !rest ? nn_load4(at) : load_rest(at, rest);         \
                const uint32_t x0 = nn_sxtb16(four), x1 = nn_sxtb16_odd(four);                     \
                s0 = add(s0, x0, x1, w);                                                           \
                s1 = add(s1, x0, x1, w + (words));                                                 \
                s2 = add(s2, x0, x1, w + 2 * (words));                                             \
                s3 = add(s3, x0, x1, w + 3 * (words));                                             \
            }                                                                                      \
            out[0] = finish(&p->out, c, (scale)*s0);                                               \
            out[1] = finish(&p->out, c + 1, (scale)*s1);                                           \
            out[2] = finish(&p->out, c + 2, (scale)*s2);                                           \
            out[3] = finish(&p->out, c + 3, (scale)*s3);                                           \
        }                                                                                          \
        for (; left; left--, c++, out++) {                                                         \
            int32_t sum = c->bias;                                                                 \
            const int8_t *at = in;                                                                 \
            for (uint32_t i = blocks + (rest > 0); i; i--, at += 4, w += (words)) {                \
                const uint32_t four = i > 1 || !rest ? nn_load4(at) : load_rest(at, rest);         \
                sum = add(sum, nn_sxtb16(four), nn_sxtb16_odd(four), w);                           \
            }                                                                                      \
            *out = finish(&p->out, c, (scale)*sum);                                                \
        }                                                                                          \
    }

void nn_dsp_fully_connected(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out) {
    MULTIPLY(uint32_t, p->weights16, 2, add16, 1)
}

void nn_dsp_fully_connected_small(const nn_dsp_fully_connected_t *p, const int8_t *in,
                                  int8_t *out) {
    MULTIPLY(int8_t, p->weights8, 4, add8, 2)
}
