/* MUL with broadcasting, int8 (TFLite reference_integer_ops mul.h). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "broadcast.h"

static inline int8_t multiply_one(const void *settings, int8_t a, int8_t b) {
    const nn_mul_t *p = settings;
    const int32_t product = (a + p->a_offset) * (b + p->b_offset);
    const int32_t value = nn_rescale(product, p->multiplier, p->shift);
    return nn_clamp(nn_add_wrapping(value, p->zero_point), p->low, p->high);
}

void nn_mul(const nn_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    nn_broadcast(&p->shape, p, multiply_one, a, b, out);
}
