#include "stream.h"

#include <stddef.h>

#include "app.h"
#include "models.h"
#include "statistics.h"

enum { SAMPLES_A_MS = MICROPHONE_RATE / 1000 };

stream_show_t stream_show;

static struct {
    uint32_t hops;   /* since the reset */
    uint32_t frames; /* feature frames since the reset */
    uint32_t overruns_seen;
    uint64_t position;   /* samples since the source started */
    uint64_t microphone; /* the microphone's position, during an injection */
} stream;

static const char *fault;

static uint32_t clock_us(void) {
    return (uint32_t)board_time_us();
}

uint32_t stream_ms(void) {
    return (uint32_t)(stream.position / SAMPLES_A_MS);
}

const char *stream_fault(void) {
    return fault;
}

/* ---- what the chain says -> lines and LED ---- */

static void send_frame_of_features(const int16_t *values, uint16_t bands) {
    const uint16_t sequence = (uint16_t)stream.frames++;
    if (stream_show.features) { /* int16 little-endian, as this core has it */
        wire_send_frame(WIRE_FEATURES, sequence, (const uint8_t *)values, 2u * bands);
    }
}

static void json_levels(json_t *line, const char *key, const uint16_t *values, uint32_t count) {
    json_array(line, key);
    for (uint32_t i = 0; i < count; i++) {
        json_item_signed(line, values[i]);
    }
    json_array_end(line);
}

static const char *label_name(uint32_t model, int32_t label) {
    return label == DETECT_UNKNOWN ? "unknown" : models_info(model)->label[label];
}

static void send_scores(uint32_t model, const listen_result_t *result) {
    const uint32_t labels = models_settings(model)->labels;
    const int8_t *output = models_output(model);
    json_t *line = wire_begin("scores");
    models_name(line, model);
    json_unsigned(line, "hop", stream.hops);
    json_unsigned(line, "t_ms", stream_ms());
    json_array(line, "q");
    for (uint32_t i = 0; i < models_info(model)->output[0].bytes; i++) {
        json_item_signed(line, output[i]);
    }
    json_array_end(line);
    json_levels(line, "scores", result->scores, labels);
    json_levels(line, "smoothed", result->smoothed, labels);
    json_unsigned(line, "level", result->level);
    if (result->decision == DETECT_NONE) {
        json_null(line, "decision");
    } else {
        json_text(line, "decision", label_name(model, result->decision));
    }
    wire_end(line);
}

static void send_detection(uint32_t model, const detect_event_t *detection) {
    json_t *line = wire_begin("detect");
    models_name(line, model);
    json_unsigned(line, "t_ms", stream_ms());
    json_text(line, "label", label_name(model, detection->label));
    json_thousandths(line, "score", json_q15_thousandths(detection->score));
    wire_end(line);
}

/* LED brightness: the highest smoothed score of a label that can make an event. */
static void light(const listen_result_t *results) {
    uint32_t strongest = 0;
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        const detect_config_t *detect = models_settings(model);
        const uint16_t *smoothed = results[model].smoothed;
        for (uint32_t i = 0; i < detect->labels; i++) {
            if (detect->threshold[i] > 0 && smoothed[i] > strongest) {
                strongest = smoothed[i];
            }
        }
    }
    led_set((uint16_t)(strongest * 2));
}

static void hop_complete(const listen_result_t *results) {
    statistics_hop(results);
    stream.hops++; /* lines count from 1 */
    if (results->scored || results->rested) {
        light(results);
    }
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        const listen_result_t *result = &results[model];
        if (result->scored && (stream_show.scores || inject_active())) {
            send_scores(model, result);
        }
        if (result->event) {
            send_detection(model, &result->detection);
        }
    }
}

static void feed(const int16_t *pcm, uint32_t samples) {
    /* while nobody wants every score and frame */
    listen_rest(!stream_show.scores && !stream_show.features && !inject_active());
    while (samples > 0) {
        listen_result_t results[LISTEN_MODELS];
        const uint32_t taken = listen_feed(pcm, samples, results);
        stream.position += taken;
        pcm += taken;
        samples -= taken;
        if (results->complete) {
            hop_complete(results);
        }
    }
}

static void reset(void) {
    listen_reset();
    stream.hops = stream.frames = 0;
    led_set(0);
}

/* ---- microphone ---- */

static void skip(void) {
    stream.microphone += (uint64_t)microphone_skip() * MICROPHONE_BLOCK;
}

bool stream_hear(void) {
    int16_t block[MICROPHONE_BLOCK];
    if (fault || inject_active()) {
        skip();
        return false;
    }
    const uint32_t start = clock_us();
    if (!microphone_read(block)) {
        return false;
    }
    statistics_pdm(clock_us() - start);
    const uint32_t overruns = microphone_overruns();
    stream.position += (uint64_t)(overruns - stream.overruns_seen) * MICROPHONE_BLOCK;
    stream.overruns_seen = overruns;
    if (stream_show.pcm) { /* numbered by time, so that a gap shows */
        wire_send_frame(WIRE_PCM, (uint16_t)(stream.position / MICROPHONE_BLOCK),
                        (const uint8_t *)block, sizeof block);
    }
    feed(block, MICROPHONE_BLOCK);
    return true;
}

void stream_restart(void) {
    stream.position = 0;
    reset();
}

/* ---- injection ---- */

static void begin(void) {
    stream.microphone = stream.position;
    stream_restart();
}

/* Silence up to the end of the last hop. */
static uint32_t finish(void) {
    const int16_t silence[MICROPHONE_BLOCK] = {0};
    while (listen_missing() < listen_config.hop) {
        const uint32_t missing = listen_missing();
        feed(silence, missing < MICROPHONE_BLOCK ? missing : MICROPHONE_BLOCK);
    }
    return stream.hops;
}

static void end(void) {
    skip(); /* what the microphone heard meanwhile */
    stream.position = stream.microphone;
    reset();
}

const inject_app_t stream_inject = {
    .refuse = stream_fault,
    .begin = begin,
    .hear = feed,
    .finish = finish,
    .end = end,
};

/* ---- start ---- */

static const char *start_chain(void) {
    if (listen_config.hop == 0) {
        return "the model's hop does not fit this app";
    }
    if (listen_config.features->sample_rate != MICROPHONE_RATE) {
        return "the model's sample rate is not the microphone's";
    }
    return listen_init(clock_us) < 0 ? "network and pipeline do not fit together" : NULL;
}

void stream_start(void) {
    fault = start_chain();
    listen_on_frame(send_frame_of_features);
    microphone_start();
}
