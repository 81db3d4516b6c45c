/* The microphone's gain, digital or by the chip.
 *
 * One microphone driver includes this per image. A gain of 0 dB costs one comparison a block. */
#ifndef OTOLITH_BOARD_MICROPHONE_GAIN_H
#define OTOLITH_BOARD_MICROPHONE_GAIN_H

#include <assert.h>

#include "board.h"
#include "pcm_gain.h"

#ifndef BOARD_MICROPHONE_GAIN_DB
#define BOARD_MICROPHONE_GAIN_DB 0
#endif
#ifndef BOARD_MICROPHONE_KIND
#define BOARD_MICROPHONE_KIND "pdm"
#endif

static_assert((int)MICROPHONE_GAIN_LOWEST == (int)PCM_GAIN_LOWEST &&
                  (int)MICROPHONE_GAIN_HIGHEST == (int)PCM_GAIN_HIGHEST,
              "the range of microphone_set_gain");

static struct {
    int32_t db;        /* what was asked for */
    int32_t in_driver; /* the part of it that the chip applies */
} gain = {BOARD_MICROPHONE_GAIN_DB, 0};

/* What neither chip nor driver has applied. */
static inline __attribute__((always_inline)) void gain_apply(int16_t pcm[MICROPHONE_BLOCK]) {
    if (gain.db != gain.in_driver) {
        pcm_gain(pcm, MICROPHONE_BLOCK, pcm_gain_factor(gain.db - gain.in_driver));
    }
}

/* Defined by drivers that apply a part of the gain themselves, or have the chip do it. Sets
 * gain.in_driver. */
#ifdef MICROPHONE_GAIN_IN_DRIVER
static void gain_in_driver(void);
#else
static inline void gain_in_driver(void) {
}
#endif

int32_t microphone_gain(void) {
    return gain.db;
}

const char *microphone_kind(void) {
    return BOARD_MICROPHONE_KIND;
}

void microphone_set_gain(int32_t db) {
    gain.db = db;
    gain_in_driver();
}

#endif
