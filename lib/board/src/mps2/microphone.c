/* There is no microphone: not one block comes. Sound gets in by `inject`. */
#include "../board.h"

void microphone_start(void) {
}

void microphone_stop(void) {
}

bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]) {
    (void)pcm;
    return false;
}

uint32_t microphone_skip(void) {
    return 0;
}

uint32_t microphone_overruns(void) {
    return 0;
}
