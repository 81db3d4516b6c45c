/* MAX_POOL_2D and AVERAGE_POOL_2D. For the maximum, the taps of a window are neighbours for all
 * channels together, so one loop visits them. */
#include "../../nn_arith.h"
#include "../../ops/window.h"
#include "m0plus_kernels.h"

/* The maxima of `count` pairs of values. */
static void raise(int8_t *out, const int8_t *in, int32_t count) {
    out += count;
    in += count;
    for (int32_t i = -count; i != 0; i++) {
        const int8_t x = in[i];
        if (x > out[i]) {
            out[i] = x;
        }
    }
}

static void clamp(int8_t *out, int32_t count, int32_t low, int32_t high) {
    for (int32_t i = 0; i < count; i++) {
        out[i] = nn_clamp(out[i], low, high);
    }
}

void nn_m0_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    const nn_window_t *w = &p->window;
    const int32_t c = w->in_c, row = w->in_w * c;
    const int32_t limited = p->low != -128 || p->high != 127;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y = nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, 1, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++, out += c) {
                const nn_span_t x = nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, 1, w->in_w);
                const int8_t *corner = in + (y.origin + y.first) * row + (x.origin + x.first) * c;
                if (y.first < y.last && x.first < x.last) {
                    memmove(out, corner, (size_t)c); /* perhaps where it is */
                } else {
                    memset(out, -128, (size_t)c);
                }
                for (int32_t ky = y.first; ky < y.last; ky++, corner += row) {
                    const int8_t *at = corner;
                    for (int32_t kx = x.first; kx < x.last; kx++, at += c) {
                        raise(out, at, c);
                    }
                }
                if (limited) {
                    clamp(out, c, p->low, p->high);
                }
            }
        }
    }
}

/* Sums `count` values, `step` bytes apart. */
static int32_t sum(const int8_t *at, int32_t count, int32_t step) {
    int32_t total = 0, i = 0;
    for (; count >= 4; count -= 4) {
        total += at[i];
        i += step;
        total += at[i];
        i += step;
        total += at[i];
        i += step;
        total += at[i];
        i += step;
    }
    for (; count; count--, i += step) {
        total += at[i];
    }
    return total;
}

static int32_t mean(int32_t total, int32_t count) {
    return (total > 0 ? total + count / 2 : total - count / 2) / count;
}

void nn_m0_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    const nn_window_t *w = &p->window;
    const int32_t c = w->in_c, row = w->in_w * c;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y = nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, 1, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x = nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, 1, w->in_w);
                const int8_t *corner = in + (y.origin + y.first) * row + (x.origin + x.first) * c;
                int32_t rows = y.last - y.first, columns = x.last - x.first;
                const int32_t count = rows * columns;
                if (columns == w->in_w) { /* whole rows follow each other in memory */
                    columns = count;
                    rows = 1;
                }
                for (int32_t i = 0; i < c; i++, corner++) {
                    int32_t total = 0;
                    for (int32_t ky = 0; ky < rows; ky++) {
                        total += sum(corner + ky * row, columns, c);
                    }
                    *out++ = nn_clamp(mean(total, count), p->low, p->high);
                }
            }
        }
    }
}
