/* ADD with broadcasting, int8 (TFLite reference_integer_ops add.h). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "broadcast.h"

static inline int8_t add_one(const void *settings, int8_t a, int8_t b) {
    const nn_add_t *p = settings;
    const int32_t left = (a + p->a_offset) * (1 << 20), right = (b + p->b_offset) * (1 << 20);
    const int32_t sum = nn_rescale(left, p->a_multiplier, p->a_shift) +
                        nn_rescale(right, p->b_multiplier, p->b_shift);
    const int32_t value = nn_rescale(sum, p->out_multiplier, p->out_shift);
    return nn_clamp(value + p->zero_point, p->low, p->high);
}

void nn_add(const nn_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    nn_broadcast(&p->shape, p, add_one, a, b, out);
}
