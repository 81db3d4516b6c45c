/* MAXIMUM and MINIMUM with broadcasting, int8 (TFLite reference_ops maximum_minimum.h). */
#include "../nn_kernels.h"
#include "broadcast.h"

static inline int8_t larger(const void *settings, int8_t a, int8_t b) {
    (void)settings;
    return a > b ? a : b;
}

static inline int8_t smaller(const void *settings, int8_t a, int8_t b) {
    (void)settings;
    return a < b ? a : b;
}

void nn_maximum(const nn_maximum_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    nn_broadcast(&p->shape, p, larger, a, b, out);
}

void nn_minimum(const nn_maximum_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
    nn_broadcast(&p->shape, p, smaller, a, b, out);
}
