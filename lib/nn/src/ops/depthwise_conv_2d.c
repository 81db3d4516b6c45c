/* DEPTHWISE_CONV_2D, int8, per-channel (TFLite reference_integer_ops::DepthwiseConvPerChannel). */
#include "../nn_arith.h"
#include "../nn_kernels.h"
#include "window.h"

void nn_depthwise_conv_2d(const nn_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out) {
    const nn_window_t *w = &p->window;
    const int32_t in_row = w->in_w * w->in_c, in_step = w->dilation_w * w->in_c;
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * in_row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y =
                nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, w->dilation_h, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x =
                    nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, w->dilation_w, w->in_w);
                const int8_t *corner = in + x.origin * w->in_c + x.first * in_step;
                int32_t c = 0;
                for (int32_t ic = 0; ic < w->in_c; ic++) {
                    for (int32_t m = 0; m < p->multiplier; m++, c++) {
                        int32_t sum = 0;
                        for (int32_t ky = y.first; ky < y.last; ky++) {
                            const int8_t *source =
                                corner + (y.origin + ky * w->dilation_h) * in_row + ic;
                            const int8_t *weight =
                                p->weights + (ky * w->kernel_w + x.first) * w->out_c + c;
                            for (int32_t kx = x.first; kx < x.last; kx++) {
                                sum += (*source + p->in_offset) * *weight;
                                source += in_step;
                                weight += w->out_c;
                            }
                        }
                        const int32_t value =
                            nn_rescale(nn_add_wrapping(sum, p->bias ? p->bias[c] : 0),
                                       p->out.multiplier[c], p->out.shift[c]);
                        *out++ = nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low,
                                          p->out.high);
                    }
                }
            }
        }
    }
}
