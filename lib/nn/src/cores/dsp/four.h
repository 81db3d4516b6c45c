/* Four outputs of a depthwise convolution of any shape. */
#ifndef OTOLITH_NN_DSP_FOUR_H
#define OTOLITH_NN_DSP_FOUR_H

#include <stdint.h>

/* What is alike for all outputs of a channel; four.c's assembly knows the order of the fields. */
typedef struct {
    const uint32_t *words; /* the kernel: pairs of taps, line by line */
    int32_t down;          /* bytes from a line of the plane to the next one seen */
    int32_t bias;
    int32_t apart, thrice; /* bytes from one output's window to the next one's, and thrice that */
    int32_t pairs, lines;  /* of taps; of the kernel */
    int32_t multiplier, round, shift;
    uint32_t limited, low, high; /* low and high: four times in a word */
} nn_dsp_four_t;

/* `at`: the first output's window; `step`: bytes from one output to the next. */
void nn_dsp_four(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t step);

#endif
