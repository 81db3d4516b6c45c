/* CONV_2D whose weights are instructions: packs rows and calls the function that the compiler
 * wrote. */
#include "taps.h"

#include "keep_rows.h"
#include "line.h"
#include "m0plus_kernels.h"

#if !defined(__ARM_ARCH_6M__)
enum { TOGETHER = 3 }; /* channels */

void nn_m0_taps(nn_m0_taps_t *run, const int8_t *weights, uint32_t rows, uint32_t columns,
                uint32_t row_step, uint32_t narrow, uint32_t fine, uint32_t is_signed) {
    for (; run->pixels; run->pixels--, run->x += run->pixel_step / 4) {
        const int32_t *at = run->constants;
        const int8_t *w = weights;
        for (uint32_t c = 0; c < run->channels;) {
            const uint32_t left = run->channels - c, count = left < TOGETHER ? left : TOGETHER;
            const int32_t *first = at;
            at += 2 * count;
            for (uint32_t i = 0; i < count; i++, c++) {
                int32_t near = first[i], far = first[i];
                for (uint32_t y = 0; y < rows; y++) {
                    for (uint32_t x = 0; x < columns; x++, w++) {
                        const int32_t both = run->x[y * row_step / 4 + x];
                        const int32_t low = (int16_t)(uint16_t)both;
                        near += low * *w;
                        far += (both - low) / 65536 * *w;
                    }
                }
                nn_m0_requantize(at, near, narrow, fine, is_signed, run->out++);
                at = nn_m0_requantize(at, far, narrow, fine, is_signed, run->far++);
            }
        }
    }
}
#endif

static int32_t value(const int8_t *row, int32_t columns, int32_t at, int32_t fill) {
    return at >= 0 && at < columns ? row[at] : fill;
}

/* Packs the values from column `first` on, each with the value `apart` columns to its right. */
static void pack(const int8_t *row, int32_t columns, int32_t first, int32_t apart, int32_t fill,
                 int32_t *to, int32_t count) {
    int32_t at = first;
    const int32_t end = first + count, whole = columns - apart;
    for (; at < end && at < 0; at++) {
        *to++ = value(row, columns, at + apart, fill) * 65536 + fill;
    }
    for (; at < end && at < whole; at++) {
        *to++ = row[at + apart] * 65536 + row[at];
    }
    for (; at < end; at++) {
        *to++ = value(row, columns, at + apart, fill) * 65536 + value(row, columns, at, fill);
    }
}

void nn_m0_taps_conv_2d(const nn_m0_taps_conv_2d_t *p, const int8_t *in, int8_t *out,
                        int8_t *scratch) {
    const int32_t overlap = p->kernel_h - p->stride_h;
    const int32_t keep = p->dilation_h == 1 && overlap > 0 ? overlap : 0;
    const int32_t near = (p->out_w + 1) / 2, far = p->out_w - near, row_bytes = 4 * p->columns;
    for (int32_t n = 0; n < p->batches; n++, in += p->in_h * p->in_columns) {
        for (int32_t oy = 0; oy < p->out_h; oy++, out += p->out_w * p->out_c) {
            const int32_t kept = oy > 0 ? keep : 0;
            nn_m0_keep_rows(scratch, kept, p->stride_h, row_bytes);
            for (int32_t y = kept; y < p->kernel_h; y++) {
                const int32_t at = oy * p->stride_h - p->pad_h + y * p->dilation_h;
                const int32_t columns = at < 0 || at >= p->in_h ? 0 : p->in_columns;
                pack(columns ? in + at * columns : in, columns, -p->pad_columns,
                     far * p->stride_columns, p->fill, (int32_t *)(void *)(scratch + y * row_bytes),
                     p->columns);
            }
            nn_m0_taps_t run = {
                .x = (const int32_t *)(const void *)scratch,
                .constants = p->constants,
                .out = out,
                .far = out + far * p->out_c,
                .pixels = (uint32_t)near,
                .pixel_step = 4u * p->stride_columns,
                .channels = p->out_c,
            };
            p->taps(&run);
        }
    }
}
