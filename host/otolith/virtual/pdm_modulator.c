/* Interpolation by a windowed sinc (Kaiser, 90 dB), flat to 7 kHz. Then a modulator of fourth order
 * with error feedback: the zeros of its noise transfer function are spread over 8 kHz, its largest
 * gain is 1.4. Above LIMIT a real modulator overloads; this one clips softly. The virtual RP2040's
 * microphone (rp2040/microphone.mjs) has the same filters. */
#include "pdm_modulator.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define TAPS PDM_MODULATOR_TAPS
#define PHASES PDM_MODULATOR_BITS
#define BETA 9.0
#define LIMIT 0.66
#define PI 3.14159265358979323846

static const double ZEROS[4] = {-3.9979349269732207, 5.995870351520387, -3.997934926973221, 1.0};
static const double POLES[4] = {-3.3289337832003385, 4.202908388745493, -2.3803861964139377,
                                0.5096024595424209};

static double table[TAPS][PHASES];
static bool table_ready;

static double bessel0(double x) {
    double sum = 1, term = 1;
    for (int k = 1; k < 40; k++) {
        const double factor = x / (2 * k);
        sum += term *= factor * factor;
    }
    return sum;
}

/* The taps of each phase sum to 1. */
static void make_table(void) {
    const int length = PHASES * TAPS;
    for (int phase = 0; phase < PHASES; phase++) {
        double sum = 0;
        for (int tap = 0; tap < TAPS; tap++) {
            const double at = (tap * PHASES + phase - (length - 1) / 2.0) / PHASES;
            const double u = 2 * at / TAPS;
            const double window = bessel0(BETA * sqrt(fmax(0, 1 - u * u))) / bessel0(BETA);
            table[tap][phase] = (at == 0 ? 1 : sin(PI * at) / (PI * at)) * window;
            sum += table[tap][phase];
        }
        for (int tap = 0; tap < TAPS; tap++) {
            table[tap][phase] /= sum;
        }
    }
    table_ready = true;
}

static double limited(double x) {
    const double size = fabs(x);
    if (size <= LIMIT) {
        return x;
    }
    return copysign(LIMIT + (1 - exp(-(size - LIMIT) / 0.06)) * 0.06, x);
}

static uint8_t modulate(pdm_modulator_t *m, double value) {
    /* Dither of about -100 dBFS prevents idle tones. */
    m->seed = m->seed * 1664525u + 1013904223u;
    value += (int32_t)m->seed * 2e-14;
    double shaped = 0;
    for (int i = 0; i < 4; i++) {
        shaped += (ZEROS[i] - POLES[i]) * m->error[i] - POLES[i] * m->shaped[i];
    }
    const double sum = value + shaped;
    const double out = sum >= 0 ? 1 : -1;
    const double error = fmax(-2, fmin(2, out - sum));
    for (int i = 3; i > 0; i--) {
        m->error[i] = m->error[i - 1];
        m->shaped[i] = m->shaped[i - 1];
    }
    m->error[0] = error;
    m->shaped[0] = shaped;
    return out > 0;
}

void pdm_modulator_init(pdm_modulator_t *m) {
    memset(m, 0, sizeof *m);
    m->seed = 1;
    if (!table_ready) {
        make_table();
    }
}

/* values: gets PHASES values around the newest sample, x. */
static void interpolate(pdm_modulator_t *m, double x, double *values) {
    memmove(m->history + 1, m->history, (TAPS - 1) * sizeof m->history[0]);
    m->history[0] = x;
    memset(values, 0, PHASES * sizeof values[0]);
    for (int tap = 0; tap < TAPS; tap++) {
        for (int phase = 0; phase < PHASES; phase++) {
            values[phase] += table[tap][phase] * m->history[tap];
        }
    }
}

void pdm_modulator_run(pdm_modulator_t *m, const int16_t *pcm, uint32_t samples, uint8_t *bits) {
    for (uint32_t n = 0; n < samples; n++) {
        double values[PHASES];
        interpolate(m, limited(pcm[n] / 32768.0), values);
        for (int phase = 0; phase < PHASES; phase++) {
            *bits++ = modulate(m, values[phase]);
        }
    }
}

void pdm_modulator_values(pdm_modulator_t *m, const int16_t *pcm, uint32_t samples,
                          double *values) {
    for (uint32_t n = 0; n < samples; n++) {
        interpolate(m, pcm[n] / 32768.0, values + n * PHASES);
    }
}
