/* DEPTHWISE_CONV_2D, int8, per-channel (TFLite reference_integer_ops::DepthwiseConvPerChannel). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "window.h"

void nn_depthwise_conv_2d(const nn_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out) {
    const nn_window_t *w = &p->window;
    const int32_t in_row = w->in_w * w->in_c, in_step = w->dilation_w * w->in_c;
    const int32_t filter = w->kernel_h * w->kernel_w;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * in_row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y =
                nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, w->dilation_h, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x =
                    nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, w->dilation_w, w->in_w);
                const int8_t *source = in + (y.origin + y.first * w->dilation_h) * in_row +
                                       x.origin * w->in_c + x.first * in_step;
                const int8_t *weights = p->weights + y.first * w->kernel_w + x.first;
                /* from the end of one row's taps to the start of the next */
                const int32_t columns = x.last - x.first;
                const int32_t next_row = w->dilation_h * in_row - columns * in_step;
                const int32_t next_weights = w->kernel_w - columns;
                int32_t left = p->multiplier;
                for (int32_t c = 0; c < w->out_c; c++, weights += filter) {
                    const int8_t *at = source, *weight = weights;
                    int32_t sum = 0;
                    for (int32_t ky = y.first; ky < y.last; ky++) {
                        for (const int8_t *end = weight + columns; weight < end; weight++) {
                            sum += (*at + p->in_offset) * *weight;
                            at += in_step;
                        }
                        at += next_row;
                        weight += next_weights;
                    }
                    sum = nn_add_wrapping(sum, p->bias ? p->bias[c] : 0);
                    const int32_t value = nn_rescale(sum, p->out.multiplier[c], p->out.shift[c]);
                    *out++ = nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low,
                                      p->out.high);
                    if (--left == 0) {
                        left = p->multiplier;
                        source++;
                    }
                }
            }
        }
    }
}
