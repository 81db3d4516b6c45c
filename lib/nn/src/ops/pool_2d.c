/* MAX_POOL_2D and AVERAGE_POOL_2D, int8 (TFLite reference_integer_ops pooling). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "window.h"

typedef int32_t (*reduce_t)(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                            int32_t step);

static int32_t largest(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                       int32_t step) {
    int32_t best = -128;
    for (int32_t y = 0; y < rows; y++, corner += row) {
        const int8_t *at = corner;
        for (int32_t x = 0; x < columns; x++, at += step) {
            best = *at > best ? *at : best;
        }
    }
    return best;
}

static int32_t average(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                       int32_t step) {
    const int32_t count = rows * columns;
    int32_t sum = 0;
    for (int32_t y = 0; y < rows; y++, corner += row) {
        const int8_t *at = corner;
        for (int32_t x = 0; x < columns; x++, at += step) {
            sum += *at;
        }
    }
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static inline void pool(const nn_pool_2d_t *p, const int8_t *in, int8_t *out, reduce_t reduce) {
    const nn_window_t *w = &p->window;
    const int32_t row = w->in_w * w->in_c;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y = nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, 1, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x = nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, 1, w->in_w);
                const int8_t *corner =
                    in + (y.origin + y.first) * row + (x.origin + x.first) * w->in_c;
                for (int32_t c = 0; c < w->in_c; c++) {
                    const int32_t value =
                        reduce(corner + c, y.last - y.first, x.last - x.first, row, w->in_c);
                    *out++ = nn_clamp(value, p->low, p->high);
                }
            }
        }
    }
}

void nn_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    pool(p, in, out, largest);
}

void nn_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    pool(p, in, out, average);
}
