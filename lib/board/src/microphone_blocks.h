/* How the main loop takes a microphone's blocks, for drivers with a block ring.
 *
 * A driver includes this after its block_ring_t `blocks` and block_source_t `source`. */
#ifndef OTOLITH_BOARD_MICROPHONE_BLOCKS_H
#define OTOLITH_BOARD_MICROPHONE_BLOCKS_H

#include "block_ring.h"
#include "microphone_gain.h"

bool microphone_pending(void) {
    return block_ring_waiting(&blocks, &source) > 0;
}

bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]) {
    if (!block_ring_read(&blocks, &source, pcm)) {
        return false;
    }
    gain_apply(pcm);
    return true;
}

uint32_t microphone_skip(void) {
    return block_ring_skip(&blocks, &source);
}

#endif
