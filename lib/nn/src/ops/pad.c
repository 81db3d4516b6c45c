/* PAD and PADV2, int8 (TFLite reference_ops::PadImpl). */
#include "../nn_kernels.h"

static int8_t *fill(int8_t *out, int8_t value, uint32_t count) {
    memset(out, value, count);
    return out + count;
}

void nn_pad(const nn_pad_t *p, const int8_t *in, int8_t *out) {
    const uint32_t c = p->in[3];
    const uint32_t pixel = p->before[3] + c + p->after[3];
    const uint32_t row = (p->before[2] + p->in[2] + p->after[2]) * pixel;
    const uint32_t image = (p->before[1] + p->in[1] + p->after[1]) * row;
    out = fill(out, p->value, p->before[0] * image);
    for (uint32_t n = 0; n < p->in[0]; n++) {
        out = fill(out, p->value, p->before[1] * row);
        for (uint32_t y = 0; y < p->in[1]; y++) {
            out = fill(out, p->value, p->before[2] * pixel);
            for (uint32_t x = 0; x < p->in[2]; x++, in += c) {
                out = fill(out, p->value, p->before[3]);
                memcpy(out, in, c);
                out = fill(out + c, p->value, p->after[3]);
            }
            out = fill(out, p->value, p->after[2] * pixel);
        }
        out = fill(out, p->value, p->after[1] * row);
    }
    fill(out, p->value, p->after[0] * image);
}
