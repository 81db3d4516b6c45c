/* RESIZE_NEAREST_NEIGHBOR, int8. The compiler computes the source row and column of each output. */
#include "../nn_kernels.h"

void nn_resize_nearest_neighbor(const nn_resize_nearest_neighbor_t *p, const int8_t *in,
                                int8_t *out) {
    const uint32_t c = p->channels;
    for (uint32_t n = 0; n < p->batches; n++, in += p->in_h * p->in_w * c) {
        for (uint32_t y = 0; y < p->out_h; y++) {
            const int8_t *row = in + p->row[y] * p->in_w * c;
            if (c == 1) {
                const uint16_t *column = p->column;
                for (const int8_t *end = out + p->out_w; out != end;) {
                    *out++ = row[*column++];
                }
                continue;
            }
            for (uint32_t x = 0; x < p->out_w; x++, out += c) {
                const int8_t *pixel = row + p->column[x] * c;
                for (uint32_t i = 0; i < c; i++) {
                    out[i] = pixel[i];
                }
            }
        }
    }
}
