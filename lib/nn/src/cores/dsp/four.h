/* Four outputs of a depthwise convolution of any shape. */
#ifndef OTOLITH_NN_DSP_FOUR_H
#define OTOLITH_NN_DSP_FOUR_H

#include <stdint.h>

/* What all outputs of a channel have in common. The assembly in four.c relies on this order. */
typedef struct {
    const uint32_t *words; /* the kernel: pairs of taps, line by line */
    int32_t down;          /* bytes from one line of a window to the next */
    int32_t bias;
    int32_t apart, thrice; /* bytes from one output's window to the next, and three times that */
    int32_t pairs, lines;  /* pairs of taps in a line; lines of the kernel */
    int32_t multiplier, round, shift; /* nn_dsp_channel_t; the slope of nn_dsp_slope_t */
    uint32_t limited, low, high;      /* low and high are repeated four times in a word */
} nn_dsp_four_t;

/* Computes four outputs. at: window of the first output. step: bytes from one output to the next.
 */
void nn_dsp_four(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step);
/* For weights times 2^8 and a straight line (line.h). */
void nn_dsp_four_straight(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step);

#endif
