/* FULLY_CONNECTED, int8 (TFLite reference_integer_ops::FullyConnected[PerChannel]). */
#include "../nn_arith.h"
#include "../nn_kernels.h"

void nn_fully_connected(const nn_fully_connected_t *p, const int8_t *in, int8_t *out) {
    for (uint32_t n = 0; n < p->batches; n++, in += p->inputs) {
        const int8_t *weights = p->weights;
        for (uint32_t o = 0; o < p->outputs; o++) {
            int32_t sum = 0;
            for (uint32_t i = 0; i < p->inputs; i++) {
                sum += (in[i] + p->in_offset) * (*weights++ + p->weight_offset);
            }
            const uint32_t c = p->out.per_channel ? o : 0;
            const int32_t value = nn_rescale(nn_add_wrapping(sum, p->bias ? p->bias[o] : 0),
                                             p->out.multiplier[c], p->out.shift[c]);
            *out++ = nn_clamp(nn_add_wrapping(value, p->out.zero_point), p->out.low, p->out.high);
        }
    }
}
