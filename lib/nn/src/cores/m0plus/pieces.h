/* Constants that a kernel reads piece by piece. Where the board can fetch (nn_fetch.h), the next
 * piece comes into one of two buffers while the kernel computes with the one before; else pieces
 * are read where they lie. */
#ifndef OTOLITH_NN_M0PLUS_PIECES_H
#define OTOLITH_NN_M0PLUS_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "../../nn_fetch.h"

/* How a kernel's constants are fetched. */
typedef struct {
    uint32_t words; /* of a buffer, at least a piece; 0: nothing is fetched */
    uint32_t at;    /* where in scratch the buffers begin: two, or one if there is one piece */
} nn_m0_fetch_t;

typedef struct {
    const int32_t *next, *end; /* constants that were not asked for yet */
    int32_t *buffer, *other;   /* of the piece that was asked for; NULL: pieces are read in place */
    uint32_t words;            /* of a piece */
} nn_m0_pieces_t;

static inline uint32_t nn_m0_pieces_left(const nn_m0_pieces_t *pieces) {
    const uint32_t left = (uint32_t)(pieces->end - pieces->next);
    return left < pieces->words ? left : pieces->words;
}

static inline void nn_m0_pieces_ask(nn_m0_pieces_t *pieces) {
    const uint32_t words = nn_m0_pieces_left(pieces);
    if (pieces->buffer && words) {
        nn_fetch_start(pieces->buffer, pieces->next, words);
    }
}

/* Begins with the constants from `stream` to `end` in pieces of `words`. read: the kernel's input,
 * which it reads while pieces come. */
static inline nn_m0_pieces_t nn_m0_pieces(const nn_m0_fetch_t *fetch, const int32_t *stream,
                                          const int32_t *end, uint32_t words, const void *read,
                                          int8_t *scratch) {
    int32_t *buffers = 0;
    if (fetch->words && nn_fetch_able(read)) {
        buffers = (int32_t *)(void *)(scratch + fetch->at);
    }
    nn_m0_pieces_t pieces = {
        .next = stream,
        .end = end,
        .buffer = buffers,
        .other = buffers ? buffers + fetch->words : 0,
        .words = words,
    };
    nn_m0_pieces_ask(&pieces);
    return pieces;
}

/* The next piece, and in `end` its end. Its memory is overwritten by the piece after the next. */
static inline const int32_t *nn_m0_pieces_take(nn_m0_pieces_t *pieces, const int32_t **end) {
    const uint32_t words = nn_m0_pieces_left(pieces);
    const int32_t *piece = pieces->next;
    pieces->next += words;
    if (pieces->buffer) {
        int32_t *const came = pieces->buffer;
        nn_fetch_wait();
        pieces->buffer = pieces->other;
        pieces->other = came;
        nn_m0_pieces_ask(pieces);
        piece = came;
    }
    *end = piece + words;
    return piece;
}

#endif
