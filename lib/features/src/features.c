/* Framing, compression, quantizing and the sliding window, the same for all front ends. */
#include "audio_features.h"

#include <stddef.h>
#include <string.h>

#include "log2_q10.h"

static int16_t clamp_int8(int32_t x) {
    return (int16_t)(x < -128 ? -128 : x > 127 ? 127 : x);
}

static int check_compress(const features_config_t *c) {
    switch (c->compress) {
    case FEATURES_LINEAR:
    case FEATURES_LOG2:
        return 0;
    case FEATURES_MINMAX:
        if (c->minimum == NULL || c->maximum == NULL) {
            return -1;
        }
        for (uint32_t i = 0; i < c->bands; i++) {
            if (c->minimum[i] >= c->maximum[i]) {
                return -1;
            }
        }
        return 0;
    case FEATURES_DYNAMIC:
        return c->range > 0 ? 0 : -1;
    }
    return -1;
}

static int check(const features_config_t *c) {
    if (c->frontend == NULL || c->window == 0 || c->window > FEATURES_MAX_WINDOW) {
        return -1;
    }
    if (c->hop == 0 || c->hop > c->window || c->bands == 0 || c->bands > FEATURES_MAX_BANDS) {
        return -1;
    }
    if (c->frames == 0 || check_compress(c) != 0) {
        return -1;
    }
    if (c->quantizer.multiplier < 1 || c->quantizer.shift < 1 || c->quantizer.shift > 30) {
        return -1;
    }
    return 0;
}

/* DYNAMIC's buffer holds a ring of int16 rows, the largest value of each row, and from this
 * offset on the window. */
static uint32_t window_at(const features_config_t *c) {
    return (2u * c->frames * (c->bands + 1u) + 3u) & ~3u;
}

uint32_t features_rows_bytes(const features_config_t *config) {
    const uint32_t values = (uint32_t)config->frames * config->bands;
    return config->compress == FEATURES_DYNAMIC ? window_at(config) + values : 2 * values;
}

int features_init(features_t *f, const features_config_t *config, int8_t *rows) {
    if (check(config) != 0) {
        return -1;
    }
    f->config = config;
    f->rows = rows;
    f->past = NULL;
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
    f->deferring = false;
    f->fresh = f->config->frames;
    if (f->config->frontend->reset != NULL) {
        f->config->frontend->reset(f->state.bytes);
    }
}

static int16_t minmax(int16_t x, int16_t minimum, int16_t maximum) {
    if (x <= minimum) {
        return 0;
    }
    if (x >= maximum) {
        return 255;
    }
    const uint32_t span = (uint32_t)(maximum - minimum);
    return (int16_t)(((uint32_t)(x - minimum) * 255u + span / 2u) / span);
}

/* Compute the newest frame: f->samples to f->values. */
static void compute_frame(features_t *f) {
    const features_config_t *c = f->config;
    c->frontend->frame(f->state.bytes, f->samples, f->values);
    if (c->compress == FEATURES_LOG2) {
        for (uint32_t i = 0; i < c->bands; i++) {
            f->values[i] = log2_q10(f->values[i]);
        }
    } else if (c->compress == FEATURES_MINMAX) {
        for (uint32_t i = 0; i < c->bands; i++) {
            f->values[i] = minmax(f->values[i], c->minimum[i], c->maximum[i]);
        }
    }
}

/* FEATURES_DYNAMIC for a window whose largest value is known. */
typedef struct {
    int32_t lowest, range;
    uint32_t reciprocal; /* 255 / range in Q16, rounded up */
} dynamic_t;

static dynamic_t dynamic_for(int32_t largest, uint16_t range) {
    dynamic_t d;
    d.lowest = largest > range ? largest - range : 0;
    d.range = largest - d.lowest > 1 ? largest - d.lowest : 1;
    d.reciprocal = ((255u << 16) + (uint32_t)d.range - 1u) / (uint32_t)d.range;
    return d;
}

/* floor(255 * (x - lowest) / range) without a division: the rounded-up reciprocal gives at most
 * one too many. */
static int16_t dynamic_value(const dynamic_t *d, int16_t x) {
    if (x <= d->lowest) {
        return 0;
    }
    const uint32_t above = (uint32_t)(x - d->lowest);
    uint32_t q = (above * d->reciprocal) >> 16;
    if (q * (uint32_t)d->range > above * 255u) {
        q--;
    }
    return (int16_t)q;
}

static int16_t largest_of(const int16_t *values, uint32_t count) {
    int16_t largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}

void features_dynamic(uint16_t range, int16_t *values, uint32_t count) {
    const dynamic_t d = dynamic_for(largest_of(values, count), range);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = dynamic_value(&d, values[i]);
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

/* Store the newest frame in its row, or in its two rows. */
static void keep(features_t *f) {
    const features_config_t *c = f->config;
    if (c->compress == FEATURES_DYNAMIC) {
        int16_t *ring = (int16_t *)(void *)f->rows;
        memcpy(ring + (uint32_t)f->next * c->bands, f->values, c->bands * sizeof *ring);
        ring[(uint32_t)c->frames * c->bands + f->next] = largest_of(f->values, c->bands);
        f->fresh = (uint16_t)(f->fresh < c->frames ? f->fresh + 1 : f->fresh);
    } else {
        int8_t *row = f->rows + (uint32_t)f->next * c->bands;
        features_quantize(&c->quantizer, f->values, row, c->bands);
        memcpy(row + (uint32_t)c->frames * c->bands, row, c->bands);
    }
    f->next = (uint16_t)(f->next + 1 == c->frames ? 0 : f->next + 1);
}

/* Copy new samples through the front end's filter. */
static void filtered(features_t *f, const int16_t *pcm, uint32_t count, int16_t *out) {
    memcpy(out, pcm, count * sizeof *pcm);
    if (f->config->frontend->filter != NULL) {
        f->config->frontend->filter(f->state.bytes, out, count);
    }
}

/* Append `count` samples to those held. fresh: they have not passed the filter. */
static void hold(features_t *f, const int16_t *pcm, uint32_t count, bool fresh) {
    int16_t *to = f->samples + f->samples_held;
    if (fresh) {
        filtered(f, pcm, count, to);
    } else {
        memcpy(to, pcm, count * sizeof *pcm);
    }
    f->samples_held = (uint16_t)(f->samples_held + count);
}

static void count_frame(features_t *f) {
    if (f->frames_seen < UINT32_MAX) {
        f->frames_seen++;
    }
}

/* Append `count` samples to `past`. When it is full, the oldest frame is given up. */
static void defer(features_t *f, const int16_t *pcm, uint32_t count) {
    while (count > 0) {
        const uint32_t end = f->past_first + f->past_held;
        const uint32_t at = end < f->past_room ? end : end - f->past_room;
        const uint32_t left = (at < f->past_first ? f->past_first : f->past_room) - at;
        const uint32_t part = count < left ? count : left;
        filtered(f, pcm, part, f->past + at);
        f->past_held += part;
        pcm += part;
        count -= part;
        if (f->past_held == f->past_room) {
            const uint32_t next = f->past_first + f->config->hop;
            f->past_first = next < f->past_room ? next : next - f->past_room;
            f->past_held -= f->config->hop;
            count_frame(f);
        }
    }
}

/* features_feed without deferring. fresh: as for hold(). */
static bool take(features_t *f, const int16_t *pcm, uint32_t count, bool fresh) {
    const features_config_t *c = f->config;
    const uint32_t space = (uint32_t)c->window - f->samples_held;
    const uint32_t first = count < space ? count : space;
    hold(f, pcm, first, fresh);
    if (f->samples_held < c->window) {
        return false;
    }
    compute_frame(f);
    /* what the next window shares with this one */
    memmove(f->samples, f->samples + c->hop, (c->window - c->hop) * sizeof *f->samples);
    f->samples_held = (uint16_t)(c->window - c->hop);
    hold(f, pcm + first, count - first, fresh);
    if (f->rows != NULL) {
        keep(f);
    }
    count_frame(f);
    return true;
}

bool features_feed(features_t *f, const int16_t *pcm, uint32_t count) {
    if (f->deferring) {
        defer(f, pcm, count);
        return false;
    }
    return take(f, pcm, count, true);
}

void features_set_past(features_t *f, int16_t *past, uint32_t samples) {
    const features_config_t *c = f->config;
    const uint32_t lead = c->frontend->lead == NULL ? FEATURES_EVERY : c->frontend->lead(c);
    const bool usable = lead != FEATURES_EVERY && samples >= (1 + lead) * c->hop + c->window;
    f->past = usable ? past : NULL;
    f->past_room = samples;
}

bool features_defer(features_t *f) {
    if (f->past != NULL && !f->deferring) {
        memcpy(f->past, f->samples, f->samples_held * sizeof *f->past);
        f->past_first = 0;
        f->past_held = f->samples_held;
        f->samples_held = 0;
        f->deferring = true;
    }
    return f->deferring;
}

bool features_catch_up(features_t *f) {
    while (f->deferring && f->past_held > 0) {
        const uint32_t ends = f->past_room - f->past_first;
        uint32_t part = f->past_held < f->config->hop ? f->past_held : f->config->hop;
        part = part < ends ? part : ends;
        const int16_t *from = f->past + f->past_first;
        f->past_first = part < ends ? f->past_first + part : 0;
        f->past_held -= part;
        if (take(f, from, part, false)) {
            return true;
        }
    }
    f->deferring = false;
    return false;
}

bool features_push(features_t *f, const int16_t *pcm) {
    return features_feed(f, pcm, f->config->hop);
}

const int16_t *features_frame(const features_t *f) {
    return f->values;
}

bool features_ready(const features_t *f) {
    return f->frames_seen >= f->config->frames;
}

bool features_active(features_t *f) {
    return f->config->frontend->active != NULL && f->config->frontend->active(f->state.bytes);
}

/* The largest range for which a table is used; 40 dB at the usual scale is 294. */
enum { DYNAMIC_TABLE = 512 };

/* Convert `count` values of the ring to int8. table: the result for each step above d->lowest,
 * or NULL. */
static void dynamic_rows(const features_config_t *c, const dynamic_t *d, const int8_t *table,
                         const int16_t *values, int8_t *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (table != NULL) {
            const int32_t above = values[i] - d->lowest;
            out[i] = table[above > 0 ? above : 0];
        } else {
            const int16_t value = dynamic_value(d, values[i]);
            features_quantize(&c->quantizer, &value, out + i, 1);
        }
    }
}

/* memmove to the front. newlib's small one moves single bytes; this one moves words where it
 * can. */
static void move_up(int8_t *window, uint32_t by, uint32_t count) {
    if ((by | count) % 4 != 0) {
        memmove(window, window + by, count);
        return;
    }
    typedef uint32_t __attribute__((may_alias)) word_t;
    word_t *to = (word_t *)(void *)window;
    const word_t *from = to + by / 4;
    for (uint32_t i = 0; i < count / 4; i++) {
        to[i] = from[i];
    }
}

/* Convert `count` rows of the ring, from row `first` on, to int8. */
static void dynamic_map(const features_t *f, uint32_t first, int8_t *out, uint32_t count) {
    const features_config_t *c = f->config;
    const int16_t *ring = (const int16_t *)(const void *)f->rows;
    const dynamic_t d = dynamic_for(f->largest, c->range);
    int8_t table[DYNAMIC_TABLE];
    const bool small = d.range < DYNAMIC_TABLE;
    for (int32_t above = 0; small && above <= d.range; above++) {
        const int16_t value = dynamic_value(&d, (int16_t)(d.lowest + above));
        features_quantize(&c->quantizer, &value, table + above, 1);
    }
    const int8_t *use = small ? table : NULL;
    const uint32_t ends = (uint32_t)c->frames - first, before = count < ends ? count : ends;
    dynamic_rows(c, &d, use, ring + first * c->bands, out, before * c->bands);
    dynamic_rows(c, &d, use, ring, out + before * c->bands, (count - before) * c->bands);
}

/* Bring the int8 window up to date, oldest row first. While the largest value stays the same,
 * only new rows are converted. */
static const int8_t *dynamic_window(features_t *f) {
    const features_config_t *c = f->config;
    const int16_t *ring = (const int16_t *)(const void *)f->rows;
    int8_t *out = f->rows + window_at(c);
    const uint32_t frames = c->frames;
    const int16_t largest = largest_of(ring + frames * c->bands, frames);
    const uint32_t fresh = largest == f->largest ? f->fresh : frames, kept = frames - fresh;
    f->largest = largest;
    f->fresh = 0;
    if (fresh == 0) {
        return out;
    }
    move_up(out, fresh * c->bands, kept * c->bands);
    const uint32_t first = f->next + kept < frames ? f->next + kept : f->next + kept - frames;
    dynamic_map(f, first, out + kept * c->bands, fresh);
    return out;
}

const int8_t *features_window(features_t *f) {
    if (f->config->compress == FEATURES_DYNAMIC) {
        return dynamic_window(f);
    }
    return f->rows + (uint32_t)f->next * f->config->bands;
}

uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out, bool *active) {
    features_t f;
    uint32_t frames = 0;
    if (features_init(&f, config, NULL) != 0) {
        return 0;
    }
    for (uint32_t at = 0; at < samples; at += config->hop) {
        const uint32_t rest = samples - at;
        if (features_feed(&f, pcm + at, rest < config->hop ? rest : config->hop)) {
            memcpy(out + frames * config->bands, f.values, config->bands * sizeof *out);
            if (active != NULL) {
                active[frames] = features_active(&f);
            }
            frames++;
        }
    }
    if (config->compress == FEATURES_DYNAMIC) {
        features_dynamic(config->range, out, frames * config->bands);
    }
    return frames;
}
