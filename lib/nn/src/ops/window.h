/* Finds the part of a window that lies inside the input, for convolution and pooling. */
#ifndef OTOLITH_NN_WINDOW_H
#define OTOLITH_NN_WINDOW_H

#include <stdint.h>

typedef struct {
    int32_t first, last; /* taps first..last-1 are inside */
    int32_t origin;      /* input position of tap 0, may be negative */
} nn_span_t;

/* The taps of one axis at output position `out`. taps: number of taps. dilation: their distance.
 * size: number of inputs. */
static inline nn_span_t nn_span(int32_t out, int32_t stride, int32_t pad, int32_t taps,
                                int32_t dilation, int32_t size) {
    nn_span_t span = {0, taps, out * stride - pad};
    while (span.first < taps && span.origin + span.first * dilation < 0) {
        span.first++;
    }
    while (span.last > span.first && span.origin + (span.last - 1) * dilation >= size) {
        span.last--;
    }
    return span;
}

#endif
