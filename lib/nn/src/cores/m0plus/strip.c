/* DEPTHWISE_CONV_2D along one axis: packs each channel as one row of a plane (plane.h), its first
 * half with its second. */
#include "m0plus_kernels.h"

/* The words from i to `end` of a channel at `in`; values outside the input are `fill`. */
static void edge(const nn_m0_depthwise_strip_t *p, const int8_t *in, int32_t step, int32_t apart,
                 int32_t *to, int32_t i, int32_t end) {
    for (; i < end; i++) {
        const int32_t near = i - p->pad, far = near + apart;
        const int32_t low = near >= 0 && near < p->in ? in[near * step] : p->fill;
        const int32_t high = far >= 0 && far < p->in ? in[far * step] : p->fill;
        to[i] = high * 65536 + low;
    }
}

void nn_m0_depthwise_strip(const nn_m0_depthwise_strip_t *p, const int8_t *in, int8_t *out,
                           int8_t *scratch) {
    const nn_m0_depthwise_strip_t layer = *p; /* while constants are fetched, flash can't be read */
    const int32_t near = (layer.out + 1) >> 1, second = layer.out - near;
    const int32_t apart = second * layer.stride, words = layer.words;
    const int32_t depth = layer.depth;
    int32_t *const x = (int32_t *)(void *)scratch;
    for (int32_t n = 0; n < layer.batches; n++) {
        const int8_t *next = in;
        nn_m0_pieces_t pieces =
            nn_m0_pieces(&layer.fetch, layer.stream, layer.stream + layer.stream_words,
                         layer.piece_words, in, scratch);
        const int32_t *at = layer.stream, *end = at;
        int32_t left = 0;
        for (int32_t c = 0; c < layer.channels; c++, left--, at += layer.channel_words) {
            if (at == end) {
                at = nn_m0_pieces_take(&pieces, &end);
            }
            if (left == 0) {
                const int32_t inside_end = layer.pad + layer.inside;
                left = layer.multiplier;
                edge(&layer, next, depth, apart, x, 0, layer.inside ? layer.pad : words);
                if (layer.inside) {
                    layer.pack(next, apart * depth, depth, x + layer.pad, 0, 0, 1);
                    edge(&layer, next, depth, apart, x, inside_end, words);
                }
                next++;
            }
            nn_m0_plane_t run = {
                .constants = at,
                .x = x,
                .out = out + c,
                .far = (uint32_t)(second * layer.channels),
                .row_skip = 0,
                .out_column = layer.channels,
                .columns_bytes = 4u * (uint32_t)(near * layer.stride),
                .rows = 1,
            };
            layer.plane(&run);
        }
        in += layer.in * depth;
        out += layer.out * layer.channels;
    }
}
