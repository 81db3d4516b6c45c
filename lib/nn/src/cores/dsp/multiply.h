/* Multiplies two or four patches with all weights: the inner loops of the convolutions. */
#ifndef OTOLITH_NN_DSP_MULTIPLY_H
#define OTOLITH_NN_DSP_MULTIPLY_H

#include <stdint.h>

#include "dsp_kernels.h"

/* The assembly in multiply.c and multiply_line.c relies on this order. */
typedef struct {
    const uint32_t *patch;       /* of all pixels (patch.h) */
    const uint32_t *fours, *end; /* end of all groups of four blocks; end of the patch */
    const void *weights;         /* as in nn_dsp_conv_2d_t */
    const void *channels;        /* nn_dsp_channel_t, or nn_dsp_slope_t of nn_dsp_multiply_line() */
    int8_t *out0, *out1;         /* where some are the same, the first pixel's results remain */
    int32_t count;               /* channels */
    uint32_t limited, low, high; /* low and high are repeated four times in a word */
    int8_t *out2, *out3;         /* of nn_dsp_multiply_line() */
} nn_dsp_multiply_t;

typedef void (*nn_dsp_multiply_f)(const nn_dsp_multiply_t *job);
void nn_dsp_multiply16(const nn_dsp_multiply_t *job);
void nn_dsp_multiply8(const nn_dsp_multiply_t *job);
void nn_dsp_multiply_line(const nn_dsp_multiply_t *job); /* four pixels */

#endif
