/* A line of a depthwise 3x3 convolution with stride 1. */
#ifndef OTOLITH_NN_DSP_LINE_3X3_H
#define OTOLITH_NN_DSP_LINE_3X3_H

#include <stdint.h>

/* line_3x3.c's assembly knows the order of the fields. */
typedef struct {
    const int16_t *line[3];    /* of the plane, each aligned to 4 */
    uint32_t weights[6];       /* taps 01 12 of each line, as pairs, doubled */
    int32_t multiplier, round; /* nn_dsp_channel_t */
    int8_t *out;
    int32_t step;       /* bytes from one output to the next */
    const int16_t *end; /* line[0] after all whole pairs of outputs */
    int32_t bias, shift;
    uint32_t odd;      /* is there one more output? */
    int32_t low, high; /* activation */
} nn_dsp_line_t;

typedef void (*nn_dsp_line_f)(nn_dsp_line_t *job); /* job is spent afterwards, but for constants */
void nn_dsp_line_3x3(nn_dsp_line_t *job);
void nn_dsp_line_3x3_limited(nn_dsp_line_t *job); /* obeys low and high */

#endif
