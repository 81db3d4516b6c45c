/* Kernels for the Cortex-M0+.
 *
 * host/otolith/compile/cores/m0plus chooses them and packs their weights. `scratch` is memory of
 * the arena, aligned to 16 bytes. Inputs may have any alignment. */
#ifndef OTOLITH_NN_M0PLUS_KERNELS_H
#define OTOLITH_NN_M0PLUS_KERNELS_H

#include <stdint.h>

#include "../../nn_kernels.h"
#include "column.h"
#include "dense.h"
#include "dot.h"
#include "pieces.h"
#include "plane.h"
#include "taps.h"

/* CONV_2D. "Columns" here are columns times channels, so that a row of the kernel is one run of
 * neighbouring values for any number of channels. The rows that a block of outputs needs are packed
 * into pairs (dot.h). Scratch: kernel_h * row_bytes bytes, then buffers for constants. */
typedef struct {
    uint16_t batches;
    uint16_t in_h, in_columns;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h;
    uint16_t stride_h, dilation_h, pad_h;
    uint16_t stride_columns, pad_columns;
    uint16_t block; /* outputs that are computed together */
    uint16_t words; /* of a packed row */
    uint8_t phases; /* 2: rows are packed twice, starting at the first and at the second value */
    int8_t fill;    /* the input's zero point: padding */
    uint16_t row_bytes,
        row_skip;  /* bytes of a packed row; from the end of an output's pairs to the next row */
    uint16_t span; /* bytes from an output's first pair to the end of its last */
    const int32_t *stream; /* dot.h */
    uint32_t stream_words;
    uint32_t group_words;    /* of the stream that are used for all outputs before the next */
    uint16_t group_channels; /* their outputs a pixel */
    nn_m0_fetch_t fetch;
    nn_m0_dot_t dot;
} nn_m0_conv_2d_t;
void nn_m0_conv_2d(const nn_m0_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);

/* CONV_2D with weights as instructions (taps.h). The left half of a row's outputs are called near,
 * the right half far. If their number is odd, the middle one is both. Scratch: kernel_h * columns
 * words. */
typedef struct {
    uint16_t batches;
    uint16_t in_h, in_columns;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h;
    uint16_t stride_h, dilation_h, pad_h;
    uint16_t stride_columns, pad_columns;
    uint16_t columns; /* of a packed row */
    int8_t fill;
    const int32_t *constants;
    nn_m0_taps_function_t taps;
} nn_m0_taps_conv_2d_t;
void nn_m0_taps_conv_2d(const nn_m0_taps_conv_2d_t *p, const int8_t *in, int8_t *out,
                        int8_t *scratch);

/* DEPTHWISE_CONV_2D, one channel at a time. A band of rows of the channel's plane is packed into
 * scratch (plane.h). The upper half of the band is near, the lower half far. Scratch: rows *
 * columns words of the plane, then the channel's constants. */
typedef struct {
    uint16_t batches, channels, multiplier;
    uint16_t in_h, in_w, out_h, out_w;
    uint16_t kernel_h, stride_h, stride_w, dilation_h, pad_h;
    uint16_t taps;
    uint16_t band;                  /* rows of outputs */
    uint16_t columns, left, inside; /* of the plane: all; padding on the left; input */
    uint16_t kernel_w;
    uint8_t lines; /* words of a channel's line: 4, or 6 if signed */
    int8_t fill;
    uint32_t in_row, in_column, out_row, out_column; /* bytes between neighbours */
    const int8_t *weights;                           /* [channels][kernel_h][kernel_w] */
    const int32_t *constants;                        /* [channels][1 + lines]: first sum, line */
    nn_m0_plane_function_t plane;
    nn_m0_pack_function_t pack;
} nn_m0_depthwise_conv_2d_t;
void nn_m0_depthwise_conv_2d(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                             int8_t *scratch);

/* DEPTHWISE_CONV_2D along one axis. The first half of the outputs is near, the second far; of an
 * odd number the middle one is both. Scratch: `words` words of the plane, then buffers. */
typedef struct {
    uint16_t batches, depth, channels, multiplier; /* depth: channels of the input */
    uint16_t in, out;                              /* values of a channel */
    uint16_t stride, pad;
    uint16_t words;        /* of a packed channel */
    uint16_t inside;       /* of them, from `pad` on, whose near and far values lie in the input */
    int8_t fill;           /* the input's zero point: padding */
    const int32_t *stream; /* constants of plane.h, channel by channel */
    uint32_t stream_words;
    uint32_t piece_words;   /* of a piece of the stream, whole channels */
    uint32_t channel_words; /* of a channel */
    nn_m0_fetch_t fetch;
    nn_m0_plane_function_t plane;
    nn_m0_pack_function_t pack; /* the words inside */
} nn_m0_depthwise_strip_t;
void nn_m0_depthwise_strip(const nn_m0_depthwise_strip_t *p, const int8_t *in, int8_t *out,
                           int8_t *scratch);

/* DEPTHWISE_CONV_2D with one output a channel, all of its values inside the input. */
typedef struct {
    const int32_t *stream; /* column.h */
    uint32_t stream_words;
    uint32_t pitch; /* bytes from one value of a channel to the next */
    nn_m0_column_function_t column;
} nn_m0_depthwise_column_t;
void nn_m0_depthwise_column(const nn_m0_depthwise_column_t *p, const int8_t *in, int8_t *out);

/* FULLY_CONNECTED. Weights are stored in groups of four outputs, [outputs / 4][inputs][4], filled
 * up with 0. */
typedef struct {
    nn_requantize_t out;
    const int8_t *weights;
    const int32_t *bias; /* the input's offset is included */
    uint32_t batches, inputs, outputs;
} nn_m0_fully_connected_t;
void nn_m0_fully_connected(const nn_m0_fully_connected_t *p, const int8_t *in, int8_t *out);

/* FULLY_CONNECTED with a line for each output (dense.h). Scratch: the pairs of values, then
 * buffers. */
typedef struct {
    uint32_t batches, inputs, outputs;
    uint32_t words;        /* pairs of values, filled up */
    const int32_t *stream; /* dense.h */
    uint32_t stream_words;
    uint32_t piece_words, piece_outputs; /* of a piece of the stream */
    nn_m0_fetch_t fetch;
    nn_m0_dense_function_t dense;
} nn_m0_dense_t;
void nn_m0_dense(const nn_m0_dense_t *p, const int8_t *in, int8_t *out, int8_t *scratch);

void nn_m0_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_m0_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

/* ADD, SUB and MUL of operands of one shape, or with an operand that repeats: `runs` of `count`
 * neighbouring values. step_a, step_b: from one run to the next; 0 for an operand that repeats. */
typedef struct {
    uint32_t runs, count, step_a, step_b; /* count: at least 1 */
} nn_m0_runs_t;

/* The output is (a * x + b * y + start) >> 22, limited. _wide: >> 20, for sums further outside. */
typedef struct {
    nn_m0_runs_t run;
    int32_t a, b, start;
    int8_t low, high;
} nn_m0_add_t;
void nn_m0_add(const nn_m0_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_m0_add_wide(const nn_m0_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

/* With p = (x + a_offset) * (y + b_offset), the output is
 * (coarse * p + (fine * p >> 14) + start) >> 22, limited. For p < 0 the start is `negative`.
 * _wide: >> 20. */
typedef struct {
    nn_m0_runs_t run;
    int16_t a_offset, b_offset;
    int32_t coarse, fine, start, negative;
    int8_t low, high;
} nn_m0_mul_t;
void nn_m0_mul(const nn_m0_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_m0_mul_wide(const nn_m0_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
