/* For boards without a microphone and for apps that do not use one: no block ever comes. */
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

const char *microphone_kind(void) {
    return "none";
}

int32_t microphone_gain(void) {
    return 0;
}

void microphone_set_gain(int32_t db) {
    (void)db;
}

/* What a chip family asks of its own microphone; its interrupt is never enabled. */
bool microphone_pending(void);
void isr_microphone(void);

bool microphone_pending(void) {
    return false;
}

void isr_microphone(void) {
}
