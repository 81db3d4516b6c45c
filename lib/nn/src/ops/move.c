/* CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE, variables: copies a block byte by byte. */
#include "../nn_kernels.h"

void nn_move(const nn_move_t *p, const int8_t *in, int8_t *out) {
    const uint32_t run = p->run;
    for (uint32_t a = 0; a < p->dims[0]; a++) {
        for (uint32_t b = 0; b < p->dims[1]; b++) {
            for (uint32_t c = 0; c < p->dims[2]; c++) {
                const int8_t *from = in + (int32_t)a * p->in_step[0] + (int32_t)b * p->in_step[1] +
                                     (int32_t)c * p->in_step[2];
                int8_t *to = out + a * p->out_step[0] + b * p->out_step[1] + c * p->out_step[2];
                for (uint32_t d = p->dims[3]; d != 0; d--) {
                    memcpy(to, from, run);
                    from += p->in_step[3];
                    to += p->out_step[3];
                }
            }
        }
    }
}
