/* Fetches constants into RAM while the core computes, for boards with flash that is slow to read.
 *
 * Kernels that read constants in order call these functions. A board whose library implements them
 * is built with NN_FETCH_BOARD (lib/board/src/rp2040/fetch.c). Elsewhere, constants are read where
 * they lie. With NN_FETCH_COPY, for tests, they are copied.
 *
 * Between nn_fetch_start() and nn_fetch_wait() the caller reads nothing but RAM: neither code nor
 * constants in flash. */
#ifndef OTOLITH_NN_FETCH_H
#define OTOLITH_NN_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether fetching is possible.
 *
 * read: What the caller reads besides while it fetches, its input. */
bool nn_fetch_able(const void *read);

/* Begin to fetch. One fetch at a time.
 *
 * to: Memory for `words` words. from: Constants, aligned to 4 bytes. words: 1 to 65,536. */
void nn_fetch_start(void *to, const void *from, uint32_t words);

/* Wait until the words are there. If the fetch failed, it is counted and they are copied. */
void nn_fetch_wait(void);

/* Fetches that failed since the start. */
uint32_t nn_fetch_errors(void);

#ifdef __cplusplus
}
#endif
#endif
