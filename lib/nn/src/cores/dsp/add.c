/* ADD and SUB of tensors of the same shape. They rescale as in requantize.h. */
#include "requantize.h"

static inline int32_t rescale(int8_t q, const nn_dsp_operand_t *o) {
    const int32_t twice = o->offset + q * (1 << 21);
    return nn_smmlar(twice, o->multiplier, o->round + (twice >> 31 & o->sign)) >> o->shift;
}

static inline int8_t finish(const nn_dsp_add_t *p, int32_t sum) {
    const nn_dsp_channel_t c = {0, p->multiplier, p->round, p->shift};
    const int32_t x = nn_dsp_requantize(2 * sum, &c);
    return (int8_t)(x < p->low ? p->low : x > p->high ? p->high : x);
}

void nn_dsp_add(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_dsp_operand_t first = p->a, second = p->b;
    for (const int8_t *end = a + p->count; a < end;) {
        *out++ = finish(p, rescale(*a++, &first) + rescale(*b++, &second));
    }
}

void nn_dsp_sub(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_dsp_operand_t first = p->a, second = p->b;
    for (const int8_t *end = a + p->count; a < end;) {
        *out++ = finish(p, rescale(*a++, &first) - rescale(*b++, &second));
    }
}
