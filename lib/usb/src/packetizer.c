#include "packetizer.h"

#include <string.h>

static uint32_t level(const packetizer_t *p) {
    return p->put - p->taken;
}

void packetizer_init(packetizer_t *p) {
    memset(p, 0, sizeof *p);
}

void packetizer_reset(packetizer_t *p) {
    p->put = p->taken = 0;
    p->correction = 0;
    p->flowing = false;
}

void packetizer_put(packetizer_t *p, const int16_t *pcm, uint32_t samples) {
    if (samples > PACKETIZER_RING - level(p)) {
        p->lost += samples;
        return;
    }
    for (uint32_t i = 0; i < samples; i++) {
        p->ring[p->put++ % PACKETIZER_RING] = pcm[i];
    }
    if (level(p) >= PACKETIZER_START) {
        p->flowing = true;
    }
    if (p->flowing) {
        p->correction = (int8_t)((level(p) > PACKETIZER_HIGH) - (level(p) < PACKETIZER_LOW));
    }
}

uint32_t packetizer_take(packetizer_t *p, int16_t pcm[PACKETIZER_LARGEST]) {
    if (!p->flowing) {
        return 0;
    }
    uint32_t samples = (uint32_t)(PACKETIZER_NOMINAL + p->correction);
    p->correction = 0;
    if (samples > level(p)) { /* the microphone has stopped: send the rest, then fill up again */
        samples = level(p);
        p->flowing = false;
        p->underruns++;
    }
    for (uint32_t i = 0; i < samples; i++) {
        pcm[i] = p->ring[p->taken++ % PACKETIZER_RING];
    }
    return samples;
}
