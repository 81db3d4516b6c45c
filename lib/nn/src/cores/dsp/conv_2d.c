/* CONV_2D: widens the patches of two or four pixels to 16 bits once, then multiplies them with the
 * weights of two channels at a time. */
#include <stdbool.h>

#include "multiply.h"
#include "patch.h"
#include "requantize.h"

/* pixels: 2 or 4, as everywhere below */
static nn_dsp_multiply_t job_of(const nn_dsp_conv_2d_t *p, const uint32_t pixels,
                                const void *weights, const int8_t *scratch) {
    const uint32_t *patch = (const uint32_t *)(const void *)scratch;
    const uint32_t block = pixels * NN_DSP_PIXEL;
    return (nn_dsp_multiply_t){
        .patch = patch,
        .fours = patch + block * (p->blocks / 4 * 4),
        .end = patch + block * p->blocks,
        .weights = weights,
        .channels = p->out.channels,
        .count = p->window.out_c,
        .limited = p->out.limited,
        .low = nn_four_times(p->out.low),
        .high = nn_four_times(p->out.high),
    };
}

/* Multiplies `some` of the pixels whose patches are there. */
static inline void multiply_some(nn_dsp_multiply_t *job, nn_dsp_multiply_f multiply, int8_t *out,
                                 uint32_t some) {
    const int32_t channels = job->count;
    job->out0 = out;
    job->out1 = some > 1 ? out + channels : out;
    job->out2 = some > 2 ? out + 2 * channels : out;
    job->out3 = some > 3 ? out + 3 * channels : out;
    multiply(job);
}

/* The input rows of one output row. They start `at` bytes from `base`, `pitch` bytes apart. After
 * `size` bytes they start again at `base`; this does not happen if they are the input itself. */
typedef struct {
    const int8_t *base;
    int32_t at, pitch, size;
} rows_t;

/* Copies row y of an image with padding on both sides. y may lie outside the image. */
static void load_row(const nn_dsp_conv_2d_t *p, const int8_t *image, int32_t y, int8_t *to) {
    const nn_window_t *w = &p->window;
    memset(to, p->fill, p->pitch);
    if (y >= 0 && y < w->in_h) {
        const int32_t row = w->in_w * w->in_c, before = w->pad_w * w->in_c;
        const int32_t room = p->pitch - before;
        memcpy(to + before, image + y * row, (uint32_t)(row < room ? row : room));
    }
}

/* Widens the patch of the pixel whose window starts `x` bytes into the rows and, if `both`, the
 * patch of its right neighbour. */
static inline void gather(const nn_dsp_conv_2d_t *p, const uint32_t pixels, rows_t rows, int32_t x,
                          uint32_t *patch, bool both) {
    const int32_t apart = p->window.dilation_w * p->window.in_c;
    const int32_t down = p->window.dilation_h * rows.pitch;
    const int32_t stride = p->window.stride_w * p->window.in_c;
    const uint32_t blocks = p->segment_blocks;
    for (int32_t left = p->window.kernel_h; left > 0;) {
        /* segments: of the rows until the ring starts again, or of one row if it has several */
        const int8_t *from = rows.base + rows.at + x;
        int32_t some = 1, segments = p->segments_a_row, step = apart;
        if (segments == 1) {
            const int32_t room = (rows.size - rows.at - 1) / down + 1;
            some = segments = left < room ? left : room;
            step = down;
        }
        patch = !both         ? nn_dsp_widen(patch, pixels, from, blocks, segments, step)
                : pixels == 2 ? nn_dsp_widen_2(patch, from, stride, blocks, segments, step)
                              : nn_dsp_widen_2_of_4(patch, from, stride, blocks, segments, step);
        left -= some;
        rows.at += some * down;
        rows.at -= rows.at >= rows.size ? rows.size : 0;
    }
}

static inline void convolve(const nn_dsp_conv_2d_t *p, const uint32_t pixels, const int8_t *in,
                            int8_t *out, int8_t *scratch, const void *weights,
                            nn_dsp_multiply_f multiply) {
    const nn_window_t *w = &p->window;
    nn_dsp_multiply_t job = job_of(p, pixels, weights, scratch);
    uint32_t *patch = (uint32_t *)(void *)scratch;
    int8_t *ring = scratch + 4 * NN_DSP_PIXEL * pixels * p->blocks;
    const int32_t stride = w->stride_w * w->in_c, row = w->in_w * w->in_c;
    uint32_t filled = 0; /* pixels whose patches are there */
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        int32_t loaded = 0; /* rows, counted from the first row of padding */
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const int32_t top = oy * w->stride_h;
            rows_t rows = {in, top * row, row, INT32_MAX};
            if (p->ring_rows) {
                for (loaded = loaded < top ? top : loaded; loaded < top + p->ring_rows; loaded++) {
                    load_row(p, in, loaded - w->pad_h, ring + loaded % p->ring_rows * p->pitch);
                }
                rows = (rows_t){ring, top % p->ring_rows * p->pitch, p->pitch,
                                p->ring_rows * p->pitch};
            }
            int32_t x = 0;
            for (int32_t left = w->out_w; left > 0;) {
                const bool both = filled % 2 == 0 && left > 1;
                gather(p, pixels, rows, x, patch + filled * NN_DSP_PIXEL, both);
                const int32_t some = both ? 2 : 1;
                left -= some;
                x += some * stride;
                filled += (uint32_t)some;
                if (filled == pixels) {
                    multiply_some(&job, multiply, out, filled);
                    out += filled * w->out_c;
                    filled = 0;
                }
            }
        }
    }
    if (filled) {
        multiply_some(&job, multiply, out, filled);
    }
}

void nn_dsp_conv_2d(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    convolve(p, 2, in, out, scratch, p->weights16, nn_dsp_multiply16);
}

void nn_dsp_conv_2d_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch) {
    convolve(p, 2, in, out, scratch, p->weights8, nn_dsp_multiply8);
}

void nn_dsp_conv_2d_line(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                         int8_t *scratch) {
    convolve(p, 4, in, out, scratch, p->weights16, nn_dsp_multiply_line);
}

/* Widens a pixel and, `apart` bytes from it, another one. */
static inline void widen_whole(const nn_dsp_conv_2d_t *p, const uint32_t pixels, uint32_t *patch,
                               const int8_t *in, int32_t apart) {
    const uint32_t blocks = p->window.in_c / 4, rest = p->window.in_c % 4;
    uint32_t *end = pixels == 2 ? nn_dsp_widen_2(patch, in, apart, blocks, 1, 0)
                                : nn_dsp_widen_2_of_4(patch, in, apart, blocks, 1, 0);
    if (rest) {
        int8_t both[8] = {0};
        in += 4 * blocks;
        memcpy(both, in, rest);
        memcpy(both + 4, in + apart, rest);
        nn_dsp_widen4(end, nn_load4(both));
        nn_dsp_widen4(end + NN_DSP_PIXEL, nn_load4(both + 4));
    }
}

static inline void pointwise(const nn_dsp_conv_2d_t *p, const uint32_t pixels, const int8_t *in,
                             int8_t *out, int8_t *scratch, const void *weights,
                             nn_dsp_multiply_f multiply) {
    const nn_window_t *w = &p->window;
    nn_dsp_multiply_t job = job_of(p, pixels, weights, scratch);
    uint32_t *patch = (uint32_t *)(void *)scratch;
    const uint32_t from = w->in_c;
    for (uint32_t left = w->batches * w->out_h * w->out_w, some; left; left -= some) {
        some = left < pixels ? left : pixels;
        for (uint32_t i = 0; i < some; i += 2) {
            const int32_t apart = some - i > 1 ? w->in_c : 0;
            widen_whole(p, pixels, patch + i * NN_DSP_PIXEL, in + i * from, apart);
        }
        multiply_some(&job, multiply, out, some);
        in += some * from;
        out += some * w->out_c;
    }
}

void nn_dsp_pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    pointwise(p, 2, in, out, scratch, p->weights16, nn_dsp_multiply16);
}

void nn_dsp_pointwise_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch) {
    pointwise(p, 2, in, out, scratch, p->weights8, nn_dsp_multiply8);
}

void nn_dsp_pointwise_line(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                           int8_t *scratch) {
    pointwise(p, 4, in, out, scratch, p->weights16, nn_dsp_multiply_line);
}
