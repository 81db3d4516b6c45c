/* DEPTHWISE_CONV_2D: packs the plane of each channel, then calls the summing function of its
 * kernel. */
#include "m0plus_kernels.h"

static int32_t *filled(int32_t *to, int32_t count, int32_t value) {
    for (; count; count--) {
        *to++ = value;
    }
    return to;
}

/* Packs any row, even one with values outside the input. */
static int32_t *edge(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int32_t y, int32_t below,
                     int32_t *to) {
    const int32_t step = (int32_t)p->in_column, row = (int32_t)p->in_row;
    const int near = y >= 0 && y < p->in_h, far = below >= 0 && below < p->in_h;
    const int32_t fill = p->fill * 65537;
    to = filled(to, p->left, fill);
    if (!near && !far) {
        to = filled(to, p->inside, fill);
    } else {
        for (int32_t i = 0; i < p->inside; i++) {
            *to++ = (far ? in[below * row + i * step] : p->fill) * 65536 +
                    (near ? in[y * row + i * step] : p->fill);
        }
    }
    return filled(to, p->columns - p->left - p->inside, fill);
}

/* Packs the rows from `first` on with those `apart` rows below: rows * p->columns values. */
static void pack(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int32_t first, int32_t apart,
                 int32_t rows, int32_t *to) {
    const int32_t row = (int32_t)p->in_row, step = (int32_t)p->in_column;
    const int32_t end = first + rows, last = p->in_h - apart;
    const int32_t inside_end = end < last ? end : last;
    int32_t y = first;
    for (; y < end && y < 0; y++) {
        to = edge(p, in, y, y + apart, to);
    }
    if (y < inside_end) {
        to = p->pack(in + y * row, apart * row, step, to, p->fill * 65537, row - p->inside * step,
                     inside_end - y);
        y = inside_end;
    }
    for (; y < end; y++) {
        to = edge(p, in, y, y + apart, to);
    }
}

/* Writes the constants: start sum, weights of one word each, line. */
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

/* Computes the output rows from oy on. */
static void band(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out, int32_t oy,
                 int32_t count, int32_t *scratch) {
    /* of an odd number of rows, the middle one is near and far */
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
