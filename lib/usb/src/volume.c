#include "volume.h"

/* 65536 * 10^(dB / 20), dB = -30..30, rounded. */
static const uint32_t gain[(VOLUME_LARGEST - VOLUME_SMALLEST) / VOLUME_STEP + 1] = {
    2072,    2325,    2609,    2927,    3285,    3685,    4135,   4640,   5206,   5841,   6554,
    7353,    8250,    9257,    10387,   11654,   13076,   14672,  16462,  18471,  20724,  23253,
    26090,   29274,   32846,   36854,   41350,   46396,   52057,  58409,  65536,  73533,  82505,
    92572,   103868,  116541,  130762,  146717,  164619,  184706, 207243, 232531, 260904, 292739,
    328458,  368536,  413504,  463959,  520571,  584090,  655360, 735326, 825049, 925721, 1038676,
    1165413, 1307615, 1467168, 1646190, 1847055, 2072430,
};

int16_t volume_nearest(int16_t wanted) {
    if (wanted <= VOLUME_SMALLEST) {
        return VOLUME_SMALLEST;
    }
    if (wanted >= VOLUME_LARGEST) {
        return VOLUME_LARGEST;
    }
    const int32_t steps = (wanted - VOLUME_SMALLEST + VOLUME_STEP / 2) / VOLUME_STEP;
    return (int16_t)(VOLUME_SMALLEST + steps * VOLUME_STEP);
}

void volume_apply(int16_t volume, int16_t *pcm, uint32_t samples) {
    const int64_t factor = gain[(volume - VOLUME_SMALLEST) / VOLUME_STEP];
    if (factor == 65536) {
        return;
    }
    for (uint32_t i = 0; i < samples; i++) {
        const int64_t x = (pcm[i] * factor + 32768) >> 16;
        pcm[i] = (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
    }
}
