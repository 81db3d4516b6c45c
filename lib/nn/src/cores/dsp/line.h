/* Rescales a sum to int8 in two instructions, for layers whose results a straight line gives:
 *   SMMUL, SSAT     high half of sum * slope, >> NN_DSP_LINE, limited to int8
 * Sums are those of weights times a power of two, and start at a value of each channel's own. The
 * compiler has compared the line with TFLite's rounding at every step of the results
 * (host/otolith/compile/cores/dsp/line.py). */
#ifndef OTOLITH_NN_DSP_LINE_H
#define OTOLITH_NN_DSP_LINE_H

#include "dsp_kernels.h"
#include "simd.h"

#define NN_DSP_LINE 11 /* as in line.py */

/* For assembly. */
#define NN_DSP_LINE_OF(sum, slope) "    smmul " sum ", " sum ", " slope "\n"
#define NN_DSP_LINE_TO_INT8(sum)                                                                   \
    "    ssat " sum ", #8, " sum ", asr #" NN_DSP_TEXT(NN_DSP_LINE) "\n"
#define NN_DSP_TEXT_OF(x) #x
#define NN_DSP_TEXT(x) NN_DSP_TEXT_OF(x)

static inline const nn_dsp_slope_t *nn_dsp_slopes(const nn_dsp_out_t *out) {
    return (const nn_dsp_slope_t *)(const void *)out->channels;
}

static inline int32_t nn_dsp_line(int32_t sum, int32_t slope) {
    return nn_saturate8((int32_t)((int64_t)sum * slope >> 32) >> NN_DSP_LINE);
}

#endif
