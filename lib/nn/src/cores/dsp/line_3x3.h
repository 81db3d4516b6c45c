/* One line of a depthwise 3x3 convolution with stride 1. */
#ifndef OTOLITH_NN_DSP_LINE_3X3_H
#define OTOLITH_NN_DSP_LINE_3X3_H

#include <stdint.h>

/* The assembly in line_3x3.c relies on this order. */
typedef struct {
    const int16_t *line[3];    /* of the plane, each aligned to 4 */
    uint32_t weights[6];       /* pairs of taps 01 and 12 of each line, doubled or times 2^8 */
    int32_t multiplier, round; /* nn_dsp_channel_t; the slope of nn_dsp_slope_t */
    int8_t *out;
    int32_t step;       /* bytes from one output to the next */
    const int16_t *end; /* value of line[0] after all pairs of outputs */
    int32_t bias, shift;
    uint32_t odd;      /* 1 if one more output follows the pairs */
    int32_t low, high; /* activation */
} nn_dsp_line_t;

typedef void (*nn_dsp_line_f)(nn_dsp_line_t *job); /* changes all of the job except constants */
void nn_dsp_line_3x3(nn_dsp_line_t *job);
void nn_dsp_line_3x3_limited(nn_dsp_line_t *job); /* applies low and high */
/* For weights times 2^8 and a straight line (line.h). */
void nn_dsp_line_3x3_straight(nn_dsp_line_t *job);
void nn_dsp_line_3x3_straight_limited(nn_dsp_line_t *job);

#endif
