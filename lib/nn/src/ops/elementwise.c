/* ADD and MUL with broadcasting, int8 (TFLite reference_integer_ops add.h and mul.h). */
#include "../nn_arith.h"
#include "../nn_kernels.h"

static inline int32_t add_one(const nn_add_t *p, int8_t a, int8_t b) {
    const int32_t left = (a + p->a_offset) * (1 << 20), right = (b + p->b_offset) * (1 << 20);
    const int32_t sum = nn_rescale(left, p->a_multiplier, p->a_shift) +
                        nn_rescale(right, p->b_multiplier, p->b_shift);
    return nn_rescale(sum, p->out_multiplier, p->out_shift) + p->zero_point;
}

void nn_add(const nn_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_broadcast_t *s = &p->shape;
    for (uint32_t n = 0; n < s->dims[0]; n++) {
        for (uint32_t y = 0; y < s->dims[1]; y++) {
            for (uint32_t x = 0; x < s->dims[2]; x++) {
                const int8_t *pa = a + n * s->stride_a[0] + y * s->stride_a[1] + x * s->stride_a[2];
                const int8_t *pb = b + n * s->stride_b[0] + y * s->stride_b[1] + x * s->stride_b[2];
                for (uint32_t c = 0; c < s->dims[3]; c++) {
                    *out++ = nn_clamp(add_one(p, *pa, *pb), p->low, p->high);
                    pa += s->stride_a[3];
                    pb += s->stride_b[3];
                }
            }
        }
    }
}

void nn_mul(const nn_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    const nn_broadcast_t *s = &p->shape;
    for (uint32_t n = 0; n < s->dims[0]; n++) {
        for (uint32_t y = 0; y < s->dims[1]; y++) {
            for (uint32_t x = 0; x < s->dims[2]; x++) {
                const int8_t *pa = a + n * s->stride_a[0] + y * s->stride_a[1] + x * s->stride_a[2];
                const int8_t *pb = b + n * s->stride_b[0] + y * s->stride_b[1] + x * s->stride_b[2];
                for (uint32_t c = 0; c < s->dims[3]; c++) {
                    const int32_t product = (*pa + p->a_offset) * (*pb + p->b_offset);
                    const int32_t value = nn_rescale(product, p->multiplier, p->shift);
                    *out++ = nn_clamp(nn_add_wrapping(value, p->zero_point), p->low, p->high);
                    pa += s->stride_a[3];
                    pb += s->stride_b[3];
                }
            }
        }
    }
}
