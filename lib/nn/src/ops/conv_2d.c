/* CONV_2D, int8, per-channel weights (TFLite reference_integer_ops::ConvPerChannel). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "window.h"

/* Two output channels together, so that an input is loaded once for both. */
typedef struct {
    int32_t a, b;
} pair_t;

/* Sums `rows` rows of `count` neighbouring taps. It is a separate function and counts up to 0, so
 * that the inner loop fits the eight low registers of a Cortex-M0+. */
static __attribute__((noinline)) pair_t dot(const int8_t *in, const int8_t *a, const int8_t *b,
                                            int32_t count, const nn_conv_2d_t *p, int32_t rows) {
    const int32_t offset = p->in_offset;
    const int32_t in_row = p->window.dilation_h * p->window.in_w * p->window.in_c;
    const int32_t row = p->window.kernel_w * p->window.in_c;
    pair_t sum = {0, 0};
    in += count;
    a += count;
    b += count;
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t i = -count; i != 0; i++) {
            const int32_t x = in[i] + offset;
            sum.a += x * a[i];
            sum.b += x * b[i];
        }
        in += in_row;
        a += row;
        b += row;
    }
    return sum;
}

static inline pair_t convolve(const nn_conv_2d_t *p, const int8_t *in, const int8_t *a,
                              const int8_t *b, nn_span_t y, nn_span_t x) {
    const nn_window_t *w = &p->window;
    const int32_t row = w->in_w * w->in_c, tap = w->in_c;
    const int32_t first = (y.first * w->kernel_w + x.first) * tap;
    const int32_t rows = y.last - y.first, columns = x.last - x.first;
    in += (y.origin + y.first * w->dilation_h) * row + (x.origin + x.first * w->dilation_w) * tap;
    a += first;
    b += first;
    if (w->dilation_w == 1) {
        return dot(in, a, b, columns * tap, p, rows);
    }
    pair_t sum = {0, 0};
    for (int32_t k = 0; k < columns; k++) {
        const pair_t one =
            dot(in + k * w->dilation_w * tap, a + k * tap, b + k * tap, tap, p, rows);
        sum.a += one.a;
        sum.b += one.b;
    }
    return sum;
}

static inline int8_t finish(const nn_conv_2d_t *p, int32_t sum, int32_t c) {
    sum = nn_add_wrapping(sum, p->bias ? p->bias[c] : 0);
    const int32_t value = nn_rescale(sum, p->out.multiplier[c], p->out.shift[c]);
    return nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low, p->out.high);
}

void nn_conv_2d(const nn_conv_2d_t *p, const int8_t *in, int8_t *out) {
    const nn_window_t *w = &p->window;
    const int32_t filter = w->kernel_h * w->kernel_w * w->in_c;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * w->in_w * w->in_c) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y =
                nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, w->dilation_h, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x =
                    nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, w->dilation_w, w->in_w);
                const int8_t *weights = p->weights;
                for (int32_t c = 0; c < w->out_c; c += 2, weights += 2 * filter) {
                    /* an odd last channel is used twice */
                    const int32_t next = c + 1 < w->out_c ? filter : 0;
                    const pair_t sum = convolve(p, in, weights, weights + next, y, x);
                    *out++ = finish(p, sum.a, c);
                    if (next) {
                        *out++ = finish(p, sum.b, c + 1);
                    }
                }
            }
        }
    }
}
