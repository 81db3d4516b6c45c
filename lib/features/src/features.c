/* Framing, compression, quantising and the sliding window, common to all front ends. */
#include "audio_features.h"

#include <stddef.h>
#include <string.h>

#include "log2_q10.h"

static int16_t clamp_int8(int32_t x) {
    return (int16_t)(x < -128 ? -128 : x > 127 ? 127 : x);
}

static int check(const features_config_t *c) {
    if (c->frontend == NULL || c->window == 0 || c->window > FEATURES_MAX_WINDOW) {
        return -1;
    }
    if (c->hop == 0 || c->hop > c->window || c->window % c->hop != 0 || c->bands == 0 ||
        c->bands > FEATURES_MAX_BANDS) {
        return -1;
    }
    if (c->frames == 0 || (c->compress != FEATURES_LINEAR && c->compress != FEATURES_LOG2)) {
        return -1;
    }
    if (c->quantizer.multiplier < 1 || c->quantizer.shift < 1 || c->quantizer.shift > 30) {
        return -1;
    }
    return 0;
}

int features_init(features_t *f, const features_config_t *config, int8_t *rows) {
    if (check(config) != 0) {
        return -1;
    }
    f->config = config;
    f->rows = rows;
    if (config->frontend->init(f->state.bytes, config) != 0) {
        return -2;
    }
    features_reset(f);
    return 0;
}

void features_reset(features_t *f) {
    f->next = 0;
    f->frames_seen = 0;
    f->samples_held = 0;
}

/* The newest frame, from f->samples to f->values. */
static void compute_frame(features_t *f) {
    const features_config_t *c = f->config;
    c->frontend->frame(f->state.bytes, f->samples, f->values);
    if (c->compress == FEATURES_LOG2) {
        for (uint32_t i = 0; i < c->bands; i++) {
            f->values[i] = log2_q10(f->values[i]);
        }
    }
}

void features_quantize(const features_quantizer_t *q, const int16_t *values, int8_t *out,
                       uint32_t count) {
    const int32_t multiplier = q->multiplier;
    const int32_t round = (int32_t)1 << q->shift >> 1;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (int8_t)clamp_int8(((values[i] * multiplier + round) >> q->shift) + q->zero_point);
    }
}

bool features_push(features_t *f, const int16_t *pcm) {
    const features_config_t *c = f->config;
    memcpy(f->samples + f->samples_held, pcm, c->hop * sizeof *pcm);
    f->samples_held = (uint16_t)(f->samples_held + c->hop);
    if (f->samples_held < c->window) {
        return false;
    }
    compute_frame(f);
    /* what the next window shares with this one */
    memmove(f->samples, f->samples + c->hop, (c->window - c->hop) * sizeof *f->samples);
    f->samples_held = (uint16_t)(c->window - c->hop);
    if (f->rows != NULL) {
        int8_t *row = f->rows + (uint32_t)f->next * c->bands;
        features_quantize(&c->quantizer, f->values, row, c->bands);
        memcpy(row + (uint32_t)c->frames * c->bands, row, c->bands);
        f->next = (uint16_t)(f->next + 1 == c->frames ? 0 : f->next + 1);
    }
    if (f->frames_seen < UINT32_MAX) {
        f->frames_seen++;
    }
    return true;
}

const int16_t *features_frame(const features_t *f) {
    return f->values;
}

bool features_ready(const features_t *f) {
    return f->frames_seen >= f->config->frames;
}

const int8_t *features_window(const features_t *f) {
    return f->rows + (uint32_t)f->next * f->config->bands;
}

uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out) {
    features_t f;
    uint32_t frames = 0;
    if (features_init(&f, config, NULL) != 0) {
        return 0;
    }
    for (uint32_t at = 0; at + config->hop <= samples; at += config->hop) {
        if (features_push(&f, pcm + at)) {
            memcpy(out + frames * config->bands, f.values, config->bands * sizeof *out);
            frames++;
        }
    }
    return frames;
}
