/* Visits two operands for each element of an output of up to four dimensions: the loops of ADD, SUB
 * and MUL. */
#ifndef OTOLITH_NN_BROADCAST_H
#define OTOLITH_NN_BROADCAST_H

#include "../nn_kernels.h"

/* Computes one element. p: settings of the operation. */
typedef int8_t (*nn_binary_t)(const void *p, int8_t a, int8_t b);

/* Inline, so that the compiler also inlines `operation`. */
static inline void nn_broadcast(const nn_broadcast_t *s, const void *p, nn_binary_t operation,
                                const int8_t *a, const int8_t *b, int8_t *out) {
    for (uint32_t n = 0; n < s->dims[0]; n++) {
        for (uint32_t y = 0; y < s->dims[1]; y++) {
            for (uint32_t x = 0; x < s->dims[2]; x++) {
                const int8_t *pa = a + n * s->stride_a[0] + y * s->stride_a[1] + x * s->stride_a[2];
                const int8_t *pb = b + n * s->stride_b[0] + y * s->stride_b[1] + x * s->stride_b[2];
                for (uint32_t c = 0; c < s->dims[3]; c++) {
                    *out++ = operation(p, *pa, *pb);
                    pa += s->stride_a[3];
                    pb += s->stride_b[3];
                }
            }
        }
    }
}

#endif
