/* CONV_2D, int8, per-channel weights (TFLite reference_integer_ops::ConvPerChannel). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "window.h"

static inline int32_t dot(const int8_t *in, const int8_t *weights, int32_t count, int32_t offset) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += (in[i] + offset) * weights[i];
    }
    return sum;
}

static int32_t convolve(const nn_conv_2d_t *p, const int8_t *in, const int8_t *weights, nn_span_t y,
                        nn_span_t x) {
    const nn_window_t *w = &p->window;
    const int32_t row = w->in_w * w->in_c, tap = w->in_c;
    int32_t sum = 0;
    for (int32_t ky = y.first; ky < y.last; ky++) {
        const int8_t *source = in + (y.origin + ky * w->dilation_h) * row;
        const int8_t *kernel = weights + (ky * w->kernel_w + x.first) * tap;
        if (w->dilation_w == 1) { /* the taps of a row lie side by side */
            sum += dot(source + (x.origin + x.first) * tap, kernel, (x.last - x.first) * tap,
                       p->in_offset);
            continue;
        }
        for (int32_t kx = x.first; kx < x.last; kx++, kernel += tap) {
            sum += dot(source + (x.origin + kx * w->dilation_w) * tap, kernel, tap, p->in_offset);
        }
    }
    return sum;
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
                for (int32_t c = 0; c < w->out_c; c++, weights += filter) {
                    const int32_t sum =
                        nn_add_wrapping(convolve(p, in, weights, y, x), p->bias ? p->bias[c] : 0);
                    const int32_t value = nn_rescale(sum, p->out.multiplier[c], p->out.shift[c]);
                    *out++ = nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low,
                                      p->out.high);
                }
            }
        }
    }
}
