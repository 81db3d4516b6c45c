/* DEPTHWISE_CONV_2D: packs each channel's plane, then lets the kernel's own function sum. */
#include "m0plus_kernels.h"

/* Rows `first`.. of the input and those `apart` rows below -> rows * p->columns values. */
static void pack(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int32_t first, int32_t apart,
                 int32_t rows, int32_t *to) {
    const int32_t step = (int32_t)p->in_column, left = p->pad_w;
    const int32_t inside = p->in_w < p->columns - left ? p->in_w : p->columns - left;
    const int32_t right = p->columns - left - inside;
    const int32_t fill = p->fill * 65537;
    for (int32_t y = first; y < first + rows; y++) {
        const int32_t below = y + apart;
        for (int32_t i = 0; i < left; i++) {
            *to++ = fill;
        }
        if (y >= 0 && below < p->in_h) {
            const int8_t *near = in + y * (int32_t)p->in_row;
            const int8_t *far = near + apart * (int32_t)p->in_row;
            for (int32_t i = inside; i; i--, near += step, far += step) {
                *to++ = *far * 65536 + *near;
            }
        } else {
            const int8_t *near = in + y * (int32_t)p->in_row;
            const int8_t *far = near + apart * (int32_t)p->in_row;
            const int near_inside = y >= 0 && y < p->in_h;
            const int far_inside = below >= 0 && below < p->in_h;
            for (int32_t i = 0; i < inside; i++) {
                *to++ = (far_inside ? far[i * step] : p->fill) * 65536 +
                        (near_inside ? near[i * step] : p->fill);
            }
        }
        for (int32_t i = 0; i < right; i++) {
            *to++ = fill;
        }
    }
}

/* The first sum, the weights a word each, the line. */
static void constants_of(const nn_m0_depthwise_conv_2d_t *p, int32_t c, int32_t *to) {
    const int32_t *constants = p->constants + c * (1 + p->lines);
    const int8_t *weights = p->weights + c * p->taps;
    *to++ = constants[0];
    *to++ = (int32_t)((uint32_t)constants[0] * 65537u);
    for (int32_t i = 0; i < p->taps; i++) {
        *to++ = weights[i];
    }
    for (int32_t i = 1; i <= p->lines; i++) {
        *to++ = constants[i];
    }
}

/* Rows oy.. of outputs. */
static void band(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out, int32_t oy,
                 int32_t count, int32_t *scratch) {
    /* of an odd number of rows the middle one is both near and far */
    const int32_t near = (count + 1) / 2, apart = count - near;
    const int32_t rows = (near - 1) * p->stride_h + (p->kernel_h - 1) * p->dilation_h + 1;
    int32_t *const constants = scratch + rows * p->columns;
    int32_t left = 0;
    for (int32_t c = 0; c < p->channels; c++, left--) {
        if (left == 0) {
            left = p->multiplier;
            pack(p, in++, oy * p->stride_h - p->pad_h, apart * p->stride_h, rows, scratch);
        }
        constants_of(p, c, constants);
        nn_m0_plane_t run = {
            .constants = constants,
            .x = scratch,
            .out = out + oy * (int32_t)p->out_row + c,
            .far = (uint32_t)apart * p->out_row,
            .row_skip = 4u * (uint32_t)(p->dilation_h * p->columns - p->kernel_w),
            .out_column = p->out_column,
            .columns_bytes = 4u * p->out_w * p->stride_w,
            .rows = (uint32_t)near,
            .x_row = 4u * p->stride_h * p->columns,
            .out_row = p->out_row,
        };
        p->plane(&run);
    }
}

void nn_m0_depthwise_conv_2d(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                             int8_t *scratch) {
    for (int32_t n = 0; n < p->batches; n++) {
        for (int32_t oy = 0; oy < p->out_h; oy += p->band) {
            const int32_t left = p->out_h - oy;
            band(p, in, out, oy, left < p->band ? left : p->band, (int32_t *)(void *)scratch);
        }
        in += p->in_h * p->in_w * (p->channels / p->multiplier);
        out += p->out_h * p->out_w * p->channels;
    }
}
