/* Kernels for the Cortex-M0+: what host/otolith/compile/cores/m0plus puts in the place of portable ones,
 * with weights as they want them. `scratch` is memory of the arena, aligned to 16; inputs may lie
 * at any address. */
#ifndef OTOLITH_NN_M0PLUS_KERNELS_H
#define OTOLITH_NN_M0PLUS_KERNELS_H

#include <stdint.h>

#include "../../nn_kernels.h"
#include "dot.h"
#include "plane.h"
#include "taps.h"

/* CONV_2D. With channels counted as columns a row of the kernel is one run of neighbouring values,
 * whatever the number of channels: columns here are columns times channels. The rows that a block
 * of outputs sees are packed into pairs (dot.h) in scratch, kernel_h * row_bytes. */
typedef struct {
    uint16_t batches;
    uint16_t in_h, in_columns;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h;
    uint16_t stride_h, dilation_h, pad_h;
    uint16_t stride_columns, pad_columns;
    uint16_t block; /* outputs at a time */
    uint16_t words; /* of a packed row, once */
    uint8_t phases; /* 2: rows are packed twice, from the first and from the second value on */
    int8_t fill;    /* the input's zero point: padding */
    uint16_t row_bytes,
        row_skip;          /* of a packed row; from the end of an output's pairs to the next row */
    uint16_t span;         /* bytes the pairs of one output span */
    const int32_t *stream; /* dot.h */
    uint32_t stream_words;
    nn_m0_dot_t dot;
} nn_m0_conv_2d_t;
void nn_m0_conv_2d(const nn_m0_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);

/* CONV_2D with weights as instructions (taps.h). A row's outputs are near ones, from the left on,
 * and far ones, to its right end; of an odd number the middle one is both. Scratch: kernel_h *
 * columns words. */
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

/* DEPTHWISE_CONV_2D, channel by channel: its plane is packed into scratch (plane.h), a band of rows
 * at a time, of which the upper half is near and the lower far. Scratch: rows * columns words of
 * the plane, then the channel's constants. */
typedef struct {
    uint16_t batches, channels, multiplier;
    uint16_t in_h, in_w, out_h, out_w;
    uint16_t kernel_h, stride_h, stride_w, dilation_h, pad_h;
    uint16_t taps;
    uint16_t band;                  /* rows of outputs */
    uint16_t columns, left, inside; /* of the plane: all, of padding on the left, of the input */
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

/* FULLY_CONNECTED with weights by fours of outputs, [outputs / 4][inputs][4], filled up with 0. */
typedef struct {
    nn_requantize_t out;
    const int8_t *weights;
    const int32_t *bias; /* with the input's offset in it */
    uint32_t batches, inputs, outputs;
} nn_m0_fully_connected_t;
void nn_m0_fully_connected(const nn_m0_fully_connected_t *p, const int8_t *in, int8_t *out);

void nn_m0_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_m0_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

#endif
