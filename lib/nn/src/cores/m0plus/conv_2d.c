/* CONV_2D: packs rows of the input into pairs, then calls the summing function of its shape. */
#include "keep_rows.h"
#include "m0plus_kernels.h"

/* Packs the columns from `first` on into pairs (dot.h); outside the row they are `fill`. */
static void pack(const int8_t *row, int32_t columns, int32_t first, int32_t fill, int32_t *to,
                 int32_t words) {
    int32_t left = columns - first; /* values up to the end of the row */
    for (; words && first < 0; words--, first += 2, left -= 2) {
        const int32_t next = first == -1 && left > 1 ? row[0] : fill;
        *to++ = fill * 65536 + next;
    }
    row += first;
    int32_t whole = left < 2 ? 0 : left / 2;
    whole = whole < words ? whole : words;
    words -= whole;
    for (; whole; whole--, row += 2) {
        *to++ = row[0] * 65536 + row[1];
    }
    if (words && left > 0 && left % 2) {
        *to++ = row[0] * 65536 + fill;
        words--;
    }
    for (; words; words--) {
        *to++ = fill * 65537;
    }
}

/* Packs the rows that the outputs of row oy need, from column `first` on. */
static void pack_rows(const nn_m0_conv_2d_t *p, const int8_t *in, int32_t oy, int32_t first,
                      int8_t *scratch, int32_t kept) {
    for (int32_t y = kept; y < p->kernel_h; y++) {
        const int32_t at = oy * p->stride_h - p->pad_h + y * p->dilation_h;
        const int32_t columns = at < 0 || at >= p->in_h ? 0 : p->in_columns;
        const int8_t *row = columns ? in + at * p->in_columns : in;
        int32_t *to = (int32_t *)(void *)(scratch + y * p->row_bytes);
        for (int32_t phase = 0; phase < p->phases; phase++, to += p->words) {
            pack(row, columns, first + phase, p->fill, to, p->words);
        }
    }
}

/* A block of outputs of the channels whose constants are from `stream` to `end`. Outputs in the
 * other phase are a run of their own. */
static void block(const nn_m0_conv_2d_t *p, const int8_t *scratch, const int32_t *stream,
                  const int32_t *end, int8_t *out, uint32_t count, uint32_t channels) {
    for (uint32_t phase = 0; phase < p->phases && phase < count; phase++) {
        const uint32_t column = phase * p->stride_columns;
        nn_m0_run_t run = {
            .x = (const int32_t *)(const void *)scratch + column / 2 + (column % 2) * p->words,
            .stream = stream,
            .end = end,
            .out = out + phase * p->out_c,
            .row_skip = p->row_skip,
            .pixels = p->phases == 1 ? count : (count + 1 - phase) >> 1,
            .pixel_step = 2u * p->stride_columns * p->phases,
            .span = p->span,
            .out_skip = p->phases * p->out_c - channels,
        };
        p->dot(&run);
    }
}

/* All outputs of the channels whose constants are from `stream` to `end`. */
static void group(const nn_m0_conv_2d_t *p, const int32_t *stream, const int32_t *end,
                  const int8_t *in, int8_t *out, int8_t *scratch, uint32_t channels) {
    /* If scratch has whole rows, those that the next outputs need too are kept. */
    const int32_t overlap = p->kernel_h - p->stride_h;
    const int32_t keep = p->block >= p->out_w && p->dilation_h == 1 && overlap > 0 ? overlap : 0;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t kept = 0;
        if (oy > 0 && keep) {
            kept = keep;
            nn_m0_keep_rows(scratch, keep, p->stride_h, p->row_bytes);
        }
        for (int32_t ox = 0; ox < p->out_w; ox += p->block) {
            const int32_t left = p->out_w - ox;
            const int32_t count = left < p->block ? left : p->block;
            pack_rows(p, in, oy, ox * p->stride_columns - p->pad_columns, scratch, kept);
            block(p, scratch, stream, end, out, (uint32_t)count, channels);
            out += count * p->out_c;
        }
    }
}

void nn_m0_conv_2d(const nn_m0_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    const nn_m0_conv_2d_t layer = *p; /* while constants are fetched, flash can't be read */
    const int32_t *const all = layer.stream + layer.stream_words;
    for (int32_t n = 0; n < layer.batches; n++, in += layer.in_h * layer.in_columns) {
        int8_t *first = out;
        nn_m0_pieces_t pieces =
            nn_m0_pieces(&layer.fetch, layer.stream, all, layer.group_words, in, scratch);
        for (uint32_t left = layer.out_c; left;) {
            const uint32_t count = left < layer.group_channels ? left : layer.group_channels;
            const int32_t *end;
            const int32_t *const stream = nn_m0_pieces_take(&pieces, &end);
            group(&layer, stream, end, in, first, scratch, count);
            first += count;
            left -= count;
        }
        out += layer.out_h * layer.out_w * layer.out_c;
    }
}
