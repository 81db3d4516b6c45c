/* The inference app: microphone (or injected PCM) -> lib/listen -> LED and JSON lines. */
#include <stddef.h>
#include <string.h>

#include "app.h"
#include "listen.h"
#include "load.h"
#include "nn.h"
#include "settings.h"
#include "statistics.h"

enum {
    WATCHDOG_MS = 2000,       /* the slowest network that still listens is far below */
    INJECT_SILENCE_MS = 2000, /* an injection that stops this long is given up */
    INJECT_BLOCK = WIRE_MAX_DATA / 2,
    INJECT_AHEAD = 3, /* blocks on the way: a UART's ring has no room for more, nor a way to say so
                       */
    MAX_HOP = 8192,   /* samples */
    SAMPLES_A_MS = MICROPHONE_RATE / 1000,
};

/* One run of audio through the chain, from a reset on. */
static struct {
    int16_t pcm[MAX_HOP];
    uint32_t held;     /* samples in pcm */
    uint32_t hops;     /* since the reset */
    uint32_t frames;   /* feature frames since the reset */
    uint64_t position; /* samples since the source started */
} stream;

static struct {
    bool active;
    uint32_t samples, received, blocks;
    uint32_t last_ms;
    uint64_t microphone_position; /* to go on from */
} injection;

static bool show_scores, show_features, show_pcm;
static uint32_t overruns_seen;
static const char *chain_fault; /* why the chain can't run */

static uint32_t clock_us(void) {
    return (uint32_t)board_time_us();
}

static uint32_t position_ms(void) {
    return (uint32_t)(stream.position / SAMPLES_A_MS);
}

/* ---- what the chain says -> lines and LED ---- */

static void send_frame_of_features(const int16_t *values, uint16_t bands) {
    const uint16_t sequence = (uint16_t)stream.frames++;
    if (show_features) { /* int16 little-endian, as this core has it */
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

static const char *label_name(int32_t label) {
    return label == DETECT_UNKNOWN ? "unknown" : nn_info()->label[label];
}

static void send_scores(const listen_result_t *result) {
    const uint32_t labels = listen_config.detect->labels;
    const int8_t *output = nn_output(0);
    json_t *line = wire_begin("scores");
    json_unsigned(line, "hop", stream.hops);
    json_unsigned(line, "t_ms", position_ms());
    json_array(line, "q");
    for (uint32_t i = 0; i < nn_info()->output[0].bytes; i++) {
        json_item_signed(line, output[i]);
    }
    json_array_end(line);
    json_levels(line, "scores", result->scores, labels);
    json_levels(line, "smoothed", result->smoothed, labels);
    json_unsigned(line, "level", result->level);
    if (result->decision == DETECT_NONE) {
        json_null(line, "decision");
    } else {
        json_text(line, "decision", label_name(result->decision));
    }
    wire_end(line);
}

static void send_detection(const detect_event_t *detection) {
    json_t *line = wire_begin("detect");
    json_unsigned(line, "t_ms", position_ms());
    json_text(line, "label", label_name(detection->label));
    json_thousandths(line, "score", json_q15_thousandths(detection->score));
    wire_end(line);
}

/* Brightness: the strongest label that can make an event. */
static void light(const uint16_t *smoothed) {
    const detect_config_t *detect = listen_detect_settings();
    uint32_t strongest = 0;
    for (uint32_t i = 0; i < detect->labels; i++) {
        if (detect->threshold[i] > 0 && smoothed[i] > strongest) {
            strongest = smoothed[i];
        }
    }
    led_set((uint16_t)(strongest * 2));
}

static void reset_chain(void) {
    listen_reset();
    stream.held = stream.hops = stream.frames = 0;
    led_set(0);
}

static void hop_complete(void) {
    listen_result_t result;
    listen_push(stream.pcm, &result);
    statistics_hop(&result);
    stream.hops++; /* lines count from 1 */
    if (result.scored) {
        light(result.smoothed);
        if (show_scores || injection.active) {
            send_scores(&result);
        }
    }
    if (result.event) {
        send_detection(&result.detection);
    }
    stream.held = 0;
}

/* pcm: int16 little-endian, as this core has it, at any address. */
static void feed(const uint8_t *pcm, uint32_t samples) {
    while (samples > 0) {
        const uint32_t missing = listen_config.hop - stream.held;
        const uint32_t n = samples < missing ? samples : missing;
        memcpy(stream.pcm + stream.held, pcm, n * sizeof *stream.pcm);
        stream.held += n;
        stream.position += n;
        pcm += n * sizeof *stream.pcm;
        samples -= n;
        if (stream.held == listen_config.hop) {
            hop_complete();
        }
    }
}

/* ---- microphone ---- */

static bool hear(void) {
    int16_t block[MICROPHONE_BLOCK];
    if (chain_fault || injection.active) {
        const uint32_t skipped = microphone_skip();
        injection.microphone_position += (uint64_t)skipped * MICROPHONE_BLOCK;
        return false;
    }
    const uint32_t start = clock_us();
    if (!microphone_read(block)) {
        return false;
    }
    statistics_pdm(clock_us() - start);
    const uint32_t overruns = microphone_overruns();
    stream.position += (uint64_t)(overruns - overruns_seen) * MICROPHONE_BLOCK;
    overruns_seen = overruns;
    if (show_pcm) { /* numbered by time, so that a gap shows */
        wire_send_frame(WIRE_PCM, (uint16_t)(stream.position / MICROPHONE_BLOCK),
                        (const uint8_t *)block, sizeof block);
    }
    feed((const uint8_t *)block, MICROPHONE_BLOCK);
    return true;
}

/* ---- injection ---- */

static void end_injection(void) {
    hear(); /* what the microphone heard meanwhile is skipped */
    injection.active = false;
    stream.position = injection.microphone_position;
    reset_chain();
    wire_wait_for_room(false);
}

static void abort_injection(const char *reason) {
    end_injection();
    wire_send_error(reason, "inject");
}

static void start_injection(uint32_t samples) {
    if (chain_fault || injection.active || samples == 0) {
        wire_send_error(chain_fault    ? chain_fault
                        : samples == 0 ? "nothing to inject"
                                       : "already injecting",
                        "inject");
        return;
    }
    injection.active = true;
    injection.samples = samples;
    injection.received = injection.blocks = 0;
    injection.last_ms = app_time_ms();
    injection.microphone_position = stream.position;
    stream.position = 0;
    reset_chain();
    wire_wait_for_room(true);
    json_t *line = wire_begin("injecting");
    json_unsigned(line, "samples", samples);
    json_unsigned(line, "block", INJECT_BLOCK);
    json_unsigned(line, "ahead", INJECT_AHEAD);
    wire_end(line);
}

static void ask_for_more(void) {
    json_t *line = wire_begin("more");
    json_unsigned(line, "blocks", injection.blocks);
    wire_end(line);
}

static void finish_injection(void) {
    if (stream.held > 0) { /* silence up to the end of the last hop */
        memset(stream.pcm + stream.held, 0, (listen_config.hop - stream.held) * sizeof *stream.pcm);
        stream.position += listen_config.hop - stream.held;
        hop_complete();
    }
    json_t *line = wire_begin("injected");
    json_unsigned(line, "samples", injection.samples);
    json_unsigned(line, "hops", stream.hops);
    wire_end(line);
    end_injection();
}

static void on_frame(const uint8_t *payload, uint32_t size) {
    if (!injection.active) {
        wire_send_error(payload ? "unexpected frame" : "broken frame", NULL);
        return;
    }
    const uint32_t left = injection.samples - injection.received;
    const uint32_t samples = left < INJECT_BLOCK ? left : INJECT_BLOCK;
    if (payload == NULL) {
        abort_injection("broken frame");
    } else if (payload[0] != WIRE_PCM || size != WIRE_HEADER + 2 * samples) {
        abort_injection("not the block of PCM that was due");
    } else if (wire_sequence(payload) != (uint16_t)injection.blocks) {
        abort_injection("a block of PCM is missing");
    } else {
        injection.received += samples;
        injection.blocks++;
        feed(payload + WIRE_HEADER, samples);
        injection.last_ms = app_time_ms();
        if (injection.received == injection.samples) {
            finish_injection();
        } else {
            ask_for_more();
        }
    }
}

static void watch_injection(void) {
    if (injection.active && !console_connected()) {
        end_injection();
    } else if (injection.active && app_time_ms() - injection.last_ms >= INJECT_SILENCE_MS) {
        abort_injection("no PCM for two seconds");
    }
}

/* ---- commands ---- */

static void hello(void) {
    json_t *line = app_hello("inference");
    app_hello_model(line);
    json_unsigned(line, "rate", MICROPHONE_RATE);
    json_unsigned(line, "hop", listen_config.hop);
    app_hello_end(line);
    if (chain_fault) {
        wire_send_error(chain_fault, NULL);
    }
}

static void command_hello(uint32_t unused) {
    (void)unused;
    hello();
}

static void command_stats(uint32_t unused) {
    (void)unused;
    statistics_send();
}

static void command_scores(uint32_t on) {
    show_scores = on != 0;
    wire_send_ok(on ? "scores on" : "scores off");
}

static void command_features(uint32_t on) {
    show_features = on != 0;
    wire_send_ok(on ? "features on" : "features off");
}

static void command_pcm(uint32_t on) {
    show_pcm = on != 0;
    wire_send_ok(on ? "pcm on" : "pcm off");
}

/* The microphone's stream begins anew: what is streamed from here on replays on a computer. */
static void command_restart(uint32_t unused) {
    (void)unused;
    if (chain_fault || injection.active) {
        wire_send_error(chain_fault ? chain_fault : "injecting", "restart");
        return;
    }
    stream.position = 0;
    reset_chain();
    wire_send_ok("restart");
}

static const wire_command_t commands[] = {
    {"hello", WIRE_NO_ARGUMENT, command_hello},  {"version", WIRE_NO_ARGUMENT, command_hello},
    {"stats", WIRE_NO_ARGUMENT, command_stats},  {"scores", WIRE_SWITCH, command_scores},
    {"features", WIRE_SWITCH, command_features}, {"pcm", WIRE_SWITCH, command_pcm},
    {"inject", WIRE_NUMBER, start_injection},    {"restart", WIRE_NO_ARGUMENT, command_restart},
    {"reset", WIRE_NO_ARGUMENT, app_reset},      {"bootsel", WIRE_NO_ARGUMENT, app_bootsel},
};

static const wire_text_command_t text_commands[] = {{"get", settings_get}, {"set", settings_set}};

static const wire_app_t app = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .text_commands = text_commands,
    .text_command_count = sizeof text_commands / sizeof *text_commands,
    .hello = hello,
    .frame = on_frame,
};

static const char *start_chain(void) {
    if (listen_config.hop == 0 || listen_config.hop > MAX_HOP) {
        return "the model's hop does not fit this app";
    }
    if (listen_config.features->sample_rate != MICROPHONE_RATE) {
        return "the model's sample rate is not the microphone's";
    }
    return listen_init(clock_us) < 0 ? "network and pipeline do not fit together" : NULL;
}

int main(void) {
    app_init(&app, WATCHDOG_MS);
    chain_fault = start_chain();
    listen_on_frame(send_frame_of_features);
    microphone_start();
    load_start();
    for (;;) {
        const bool spoken_to = app_turn();
        watch_injection();
        const bool heard = hear();
        if (load_due() && !injection.active) {
            statistics_take(position_ms());
            statistics_send();
        }
        if (!spoken_to && !heard) {
            load_slept(board_sleep());
        }
    }
}
