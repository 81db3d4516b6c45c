/* FULLY_CONNECTED whose lines are exact: packs the values into pairs, then takes the constants
 * piece by piece, whole pairs of outputs each. */
#include "dense.h"

#include "m0plus_kernels.h"

#if !defined(__ARM_ARCH_6M__)
#include "line.h"

void nn_m0_dense_sums(const nn_m0_dense_run_t *run, uint32_t narrow, uint32_t fine,
                      uint32_t is_signed) {
    int8_t *out = run->out;
    for (const int32_t *at = run->stream; at != run->end;) {
        int32_t a = *at++, b = *at++;
        for (const int32_t *x = run->x; x != run->x_end; x++, at++) {
            const uint32_t four = (uint32_t)*at;
            const uint32_t first = (four & 0x00ff00ffu) - 0x00800080u;
            const uint32_t second = (four >> 8 & 0x00ff00ffu) - 0x00800080u;
            a = nn_m0_add_upper(a, first * (uint32_t)*x);
            b = nn_m0_add_upper(b, second * (uint32_t)*x);
        }
        int8_t value;
        at = nn_m0_requantize(at, a, narrow, fine, is_signed, out++);
        at = nn_m0_requantize(at, b, narrow, fine, is_signed, &value);
        if (at != run->end || !run->odd) {
            *out++ = value;
        }
    }
}
#endif

/* Packs `count` values into pairs (dot.h), filled up with 0 to `words`. */
static void pack(const int8_t *in, uint32_t count, int32_t *to, uint32_t words) {
    int32_t *const end = to + words;
    for (; count > 1; count -= 2, in += 2) {
        *to++ = in[0] * 65536 + in[1];
    }
    if (count) {
        *to++ = *in * 65536;
    }
    while (to != end) {
        *to++ = 0;
    }
}

void nn_m0_dense(const nn_m0_dense_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    const nn_m0_dense_t layer = *p; /* while constants are fetched, flash can't be read */
    const int32_t *const all = layer.stream + layer.stream_words;
    int32_t *const x = (int32_t *)(void *)scratch;
    for (uint32_t n = 0; n < layer.batches; n++, in += layer.inputs) {
        pack(in, layer.inputs, x, layer.words);
        nn_m0_pieces_t pieces =
            nn_m0_pieces(&layer.fetch, layer.stream, all, layer.piece_words, in, scratch);
        for (uint32_t left = layer.outputs; left;) {
            const uint32_t count = left < layer.piece_outputs ? left : layer.piece_outputs;
            nn_m0_dense_run_t run = {
                .x = x, .x_end = x + layer.words, .out = out, .odd = count & 1u};
            run.stream = nn_m0_pieces_take(&pieces, &run.end);
            layer.dense(&run);
            out += count;
            left -= count;
        }
    }
}
