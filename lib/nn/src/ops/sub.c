/* SUB with broadcasting, int8 (TFLite reference sub.h: SubElementwise). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "broadcast.h"

static inline int8_t sub_one(const void *settings, int8_t a, int8_t b) {
    const nn_add_t *p = settings;
    const int32_t left = (a + p->a_offset) * (1 << 20), right = (b + p->b_offset) * (1 << 20);
    const int32_t difference = nn_rescale(left, p->a_multiplier, p->a_shift) -
                               nn_rescale(right, p->b_multiplier, p->b_shift);
    const int32_t value = nn_rescale(difference, p->out_multiplier, p->out_shift);
    return nn_clamp(value + p->zero_point, p->low, p->high);
}

void nn_sub(const nn_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    nn_broadcast(&p->shape, p, sub_one, a, b, out);
}
