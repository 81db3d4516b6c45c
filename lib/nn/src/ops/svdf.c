/* SVDF, int8 with a state of int8 or int16 (TFLM's svdf_common.cc).
 *
 * Each filter has the newest `memory` values of its feature. The pass that sums them moves them on
 * by one. */
#include "../nn_arith.h"
#include "../nn_kernels.h"

/* The newest value of a filter. */
static inline int32_t feature_of(const nn_svdf_t *p, const int8_t *in, const int8_t *weights,
                                 int32_t low, int32_t high) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < p->inputs; i++) {
        sum += (in[i] + p->in_offset) * weights[i];
    }
    const int32_t value = nn_rescale(sum, p->multiplier[0], p->shift[0]);
    return value < low ? low : value > high ? high : value;
}

static inline int8_t finish(const nn_svdf_t *p, int32_t sum) {
    const int32_t value = nn_rescale(sum, p->multiplier[1], p->shift[1]);
    return nn_clamp(nn_add_wrapping(value, p->zero_point), -128, 127);
}

void nn_svdf(const nn_svdf_t *p, const int8_t *in, int8_t *state, int8_t *out) {
    const uint32_t last = p->memory - 1u;
    for (uint32_t n = 0; n < p->batches; n++, in += p->inputs) {
        const int8_t *feature = p->feature, *time = p->time;
        for (uint32_t u = 0; u < p->units; u++) {
            int32_t sum = p->bias ? p->bias[u] : 0;
            for (uint32_t r = 0; r < p->rank; r++, feature += p->inputs) {
                const int32_t newest = feature_of(p, in, feature, -128, 127) + p->state_zero;
                for (uint32_t i = 0; i < last; i++) {
                    const int8_t value = state[1];
                    *state++ = value;
                    sum = nn_add_wrapping(sum, (value - p->state_zero) * *time++);
                }
                /* TFLM lets it wrap */
                *state = (int8_t)(uint8_t)(uint32_t)newest;
                sum = nn_add_wrapping(sum, (*state++ - p->state_zero) * *time++);
            }
            *out++ = finish(p, sum);
        }
    }
}

void nn_svdf_16(const nn_svdf_16_t *s, const int8_t *in, int8_t *memory, int8_t *out) {
    const nn_svdf_t *p = &s->shape;
    const uint32_t last = p->memory - 1u;
    int16_t *state = (int16_t *)(void *)memory;
    for (uint32_t n = 0; n < p->batches; n++, in += p->inputs) {
        const int8_t *feature = p->feature;
        const int16_t *time = s->time;
        for (uint32_t u = 0; u < p->units; u++) {
            int32_t sum = p->bias ? p->bias[u] : 0;
            for (uint32_t r = 0; r < p->rank; r++, feature += p->inputs) {
                const int32_t newest = feature_of(p, in, feature, -32768, 32767);
                for (uint32_t i = 0; i < last; i++) {
                    const int16_t value = state[1];
                    *state++ = value;
                    sum = nn_add_wrapping(sum, value * *time++);
                }
                *state = (int16_t)newest;
                sum = nn_add_wrapping(sum, *state++ * *time++);
            }
            *out++ = finish(p, sum);
        }
    }
}
