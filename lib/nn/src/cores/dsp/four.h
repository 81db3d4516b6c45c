/* Four outputs of a line at a time, of a depthwise convolution of any shape. */
#ifndef OTOLITH_NN_DSP_FOUR_H
#define OTOLITH_NN_DSP_FOUR_H

#include <stdint.h>

/* What all outputs of a channel have in common. The assembly in four.c relies on this order. */
typedef struct {
    const uint32_t *words, *end; /* the kernel: pairs of taps, line by line */
    int32_t next;                /* bytes from the end of a window's line to its next line */
    int32_t pairs;               /* of taps in a line */
    int32_t apart, thrice; /* bytes from one output's window to the next, and three times that */
    int32_t bias;
    int32_t multiplier, round, shift; /* nn_dsp_channel_t; the slope of nn_dsp_slope_t */
    uint32_t limited, low, high;      /* low and high are repeated four times in a word */
    int32_t step;                     /* bytes from one output to the next */
} nn_dsp_four_t;

/* Computes `groups` groups of four outputs. at: window of the first output. */
void nn_dsp_fours(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t groups);
/* For weights times 2^8 and a straight line (line.h). */
void nn_dsp_fours_straight(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t groups);

#endif
