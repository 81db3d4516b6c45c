/* ADD and SUB by a straight line, and MUL, four elements at a time. */
#include "requantize.h"

/* Limits four bytes. */
static inline uint32_t limit4(uint32_t four, uint32_t low, uint32_t high) {
    return ~nn_larger4(~nn_larger4(four, low), ~high);
}

/* Visits the operands' runs. FOUR: turns words x and y of four elements each into one of results.
 */
#define KERNEL(FOUR)                                                                               \
    const uint32_t low = nn_four_times(p->low), high = nn_four_times(p->high);                     \
    for (uint32_t run = p->run.runs; run; run--) {                                                 \
        const int8_t *pa = a, *pb = b, *const end = a + (p->run.count & ~3u);                      \
        for (; pa < end; pa += 4, pb += 4, out += 4) {                                             \
            const uint32_t result = limit4(FOUR(p, nn_load4(pa), nn_load4(pb)), low, high);        \
            memcpy(out, &result, 4);                                                               \
        }                                                                                          \
        const uint32_t rest = p->run.count % 4;                                                    \
        if (rest) {                                                                                \
            uint32_t x = 0, y = 0;                                                                 \
            memcpy(&x, pa, rest);                                                                  \
            memcpy(&y, pb, rest);                                                                  \
            const uint32_t result = limit4(FOUR(p, x, y), low, high);                              \
            memcpy(out, &result, rest);                                                            \
            out += rest;                                                                           \
        }                                                                                          \
        a += p->run.step_a;                                                                        \
        b += p->run.step_b;                                                                        \
    }

static inline int32_t sum_of(const nn_dsp_add_t *p, int8_t a, int8_t b) {
    return nn_saturate8((a * p->a + b * p->b + p->start) >> p->shift);
}

static inline uint32_t four_sums(const nn_dsp_add_t *p, uint32_t x, uint32_t y) {
    return nn_bytes(
        sum_of(p, nn_byte(x, 0), nn_byte(y, 0)), sum_of(p, nn_byte(x, 1), nn_byte(y, 1)),
        sum_of(p, nn_byte(x, 2), nn_byte(y, 2)), sum_of(p, nn_byte(x, 3), nn_byte(y, 3)));
}

void nn_dsp_add(const nn_dsp_add_t *given, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_dsp_add_t copy = *given, *p = &copy;
    KERNEL(four_sums)
}

/* The product of both operands, rescaled as in requantize.h. */
static inline int32_t product_of(const nn_dsp_mul_t *p, int8_t a, int8_t b) {
    const int32_t product = (a + p->a_offset) * (b + p->b_offset);
    const int32_t twice = (int32_t)((uint32_t)product << p->left);
    const int32_t round = p->round + (twice >> 31 & p->sign);
    return nn_saturate8(nn_smmlar(twice, p->multiplier, round) >> p->shift);
}

static inline uint32_t four_products(const nn_dsp_mul_t *p, uint32_t x, uint32_t y) {
    return nn_bytes(
        product_of(p, nn_byte(x, 0), nn_byte(y, 0)), product_of(p, nn_byte(x, 1), nn_byte(y, 1)),
        product_of(p, nn_byte(x, 2), nn_byte(y, 2)), product_of(p, nn_byte(x, 3), nn_byte(y, 3)));
}

void nn_dsp_mul(const nn_dsp_mul_t *given, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_dsp_mul_t copy = *given, *p = &copy;
    KERNEL(four_products)
}
