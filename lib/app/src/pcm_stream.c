#include "pcm_stream.h"

#include <stddef.h>
#include <stdlib.h>

#include "load.h"
#include "microphone.h"

enum { WATCHDOG_MS = 2000, MOST_ROOM = WIRE_MAX_FRAME };

static const char *app_name;
static void (*add_fields)(json_t *line);

static struct {
    uint32_t blocks; /* that have gone by since start, lost ones included */
    uint32_t overruns_seen;
    uint32_t peak; /* of this second so far */
    bool paused;
    bool busy; /* this turn */
} stream;

/* The last whole second. */
static struct { uint32_t t_ms, peak, cpu_thousandths; } last;

static bool show_pcm, counting, wait_for_room;

/* ---- microphone ---- */

static uint32_t peak_of(const int16_t *pcm) {
    uint32_t peak = 0;
    for (uint32_t i = 0; i < MICROPHONE_BLOCK; i++) {
        const uint32_t size = (uint32_t)abs(pcm[i]);
        peak = size > peak ? size : peak;
    }
    return peak;
}

/* A signal in which every lost or repeated sample shows: the sample's number since start. */
static void count(int16_t *pcm, uint32_t block) {
    for (uint32_t i = 0; i < MICROPHONE_BLOCK; i++) {
        pcm[i] = (int16_t)(uint16_t)(block * MICROPHONE_BLOCK + i);
    }
}

static bool hear(int16_t pcm[MICROPHONE_BLOCK]) {
    if ((show_pcm && wait_for_room && console_write_room() < MOST_ROOM) || !microphone_read(pcm)) {
        return false;
    }
    const uint32_t overruns = microphone_overruns();
    stream.blocks += overruns - stream.overruns_seen;
    stream.overruns_seen = overruns;
    if (counting) {
        count(pcm, stream.blocks);
    }
    const uint32_t peak = peak_of(pcm);
    stream.peak = peak > stream.peak ? peak : stream.peak;
    if (show_pcm) { /* numbered by time, so that a gap shows */
        wire_send_frame(WIRE_PCM, (uint16_t)stream.blocks, (const uint8_t *)pcm,
                        MICROPHONE_BLOCK * sizeof *pcm);
    }
    stream.blocks++;
    return true;
}

void pcm_stream_pause(bool pause) {
    if (pause && !stream.paused) {
        microphone_stop();
    } else if (!pause && stream.paused) {
        microphone_start(); /* its overruns count from 0 again */
        stream.overruns_seen = 0;
    }
    stream.paused = pause;
}

bool pcm_stream_shown(void) {
    return show_pcm;
}

/* ---- lines ---- */

static void send_stats(void) {
    json_t *line = wire_begin("stats");
    json_unsigned(line, "t_ms", last.t_ms);
    json_unsigned(line, "blocks", stream.blocks);
    if (add_fields) {
        add_fields(line);
    }
    json_unsigned(line, "overruns", microphone_overruns());
    json_unsigned(line, "dropped", wire_dropped());
    json_unsigned(line, "peak", last.peak);
    json_thousandths(line, "cpu", last.cpu_thousandths);
    json_unsigned(line, "stack", board_stack_used());
    wire_end(line);
}

static void take_stats(void) {
    last.t_ms = app_time_ms();
    last.peak = stream.peak;
    last.cpu_thousandths = load_take();
    stream.peak = 0;
}

static void hello(void) {
    json_t *line = app_hello(app_name);
    json_unsigned(line, "rate", MICROPHONE_RATE);
    json_unsigned(line, "block", MICROPHONE_BLOCK);
    app_microphone(line);
    app_hello_end(line);
}

static void command_hello(uint32_t unused) {
    (void)unused;
    hello();
}

static void command_stats(uint32_t unused) {
    (void)unused;
    send_stats();
}

static void command_pcm(uint32_t on) {
    show_pcm = on != 0;
    wire_send_ok(on ? "pcm on" : "pcm off");
}

static void command_counter(uint32_t on) {
    counting = on != 0;
    wire_send_ok(on ? "counter on" : "counter off");
}

static const wire_command_t commands[] = {
    {"hello", WIRE_NO_ARGUMENT, command_hello}, {"version", WIRE_NO_ARGUMENT, command_hello},
    {"stats", WIRE_NO_ARGUMENT, command_stats}, {"pcm", WIRE_SWITCH, command_pcm},
    {"counter", WIRE_SWITCH, command_counter},  {"reset", WIRE_NO_ARGUMENT, app_reset},
    {"bootsel", WIRE_NO_ARGUMENT, app_bootsel},
};

static const char *command_get(const char *text) {
    return app_microphone_get(text) ? NULL : "only microphone can be asked for";
}

static const char *command_set(const char *text) {
    const char *reason;
    return app_microphone_set(text, &reason) ? reason : "unknown setting";
}

static const wire_text_command_t text_commands[] = {{"get", command_get}, {"set", command_set}};

static void on_frame(const uint8_t *payload, uint32_t size) {
    (void)size;
    wire_send_error(payload ? "unexpected frame" : "broken frame", NULL);
}

static const wire_app_t app = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .text_commands = text_commands,
    .text_command_count = sizeof text_commands / sizeof *text_commands,
    .hello = hello,
    .frame = on_frame,
};

/* ---- main loop ---- */

void pcm_stream_init(const char *name, void (*more)(json_t *line), bool patient) {
    app_name = name;
    wait_for_room = patient;
    add_fields = more;
    app_init(&app, WATCHDOG_MS);
    microphone_start();
    load_start();
}

bool pcm_stream_turn(int16_t pcm[MICROPHONE_BLOCK]) {
    const bool spoken_to = app_turn();
    const bool heard = hear(pcm);
    if (load_due()) {
        take_stats();
        send_stats();
    }
    stream.busy = spoken_to || heard;
    return heard;
}

void pcm_stream_rest(void) {
    if (!stream.busy) {
        load_slept(board_sleep());
    }
}
