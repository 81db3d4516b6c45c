/* The USB microphone app: microphone -> USB audio, and PCM frames over the console when asked. */
#include <stdlib.h>

#include "app.h"
#include "load.h"
#include "usb.h"
#include "usb_microphone.h"

enum {
    WATCHDOG_MS = 2000,
    LED_OFF = 0,
    LED_MUTED = 0x5000, /* streams silence */
    LED_STREAMING = 0xffff,
};

static struct {
    uint32_t blocks; /* that have gone by since start, lost ones included */
    uint32_t overruns_seen;
    uint32_t peak; /* of this second so far */
    bool stopped;  /* the host sleeps */
} stream;

/* The last whole second. */
static struct { uint32_t t_ms, peak, cpu_thousandths; } last;

static bool show_pcm, counting;

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

static bool hear(void) {
    int16_t pcm[MICROPHONE_BLOCK];
    if (!microphone_read(pcm)) {
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
        wire_send_frame(WIRE_PCM, (uint16_t)stream.blocks, (const uint8_t *)pcm, sizeof pcm);
    }
    usb_microphone_write(pcm, MICROPHONE_BLOCK);
    stream.blocks++;
    return true;
}

/* A sleeping host gives little power: no microphone, no light. */
static void follow_bus(void) {
    const bool suspended = usb_suspended();
    if (suspended && !stream.stopped) {
        microphone_stop();
    } else if (!suspended && stream.stopped) {
        microphone_start(); /* its overruns count from 0 again */
        stream.overruns_seen = 0;
    }
    stream.stopped = suspended;
    led_set(suspended || !usb_microphone_streaming() ? LED_OFF
            : usb_microphone_muted()                 ? LED_MUTED
                                                     : LED_STREAMING);
}

/* ---- lines ---- */

static void send_stats(void) {
    json_t *line = wire_begin("stats");
    json_unsigned(line, "t_ms", last.t_ms);
    json_unsigned(line, "blocks", stream.blocks);
    json_unsigned(line, "streaming", usb_microphone_streaming());
    json_unsigned(line, "muted", usb_microphone_muted());
    json_signed(line, "volume", usb_microphone_volume());
    json_unsigned(line, "packets", usb_microphone_packets());
    json_unsigned(line, "lost", usb_microphone_lost());
    json_unsigned(line, "underruns", usb_microphone_underruns());
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
    json_t *line = app_hello("usb_mic");
    json_unsigned(line, "rate", MICROPHONE_RATE);
    json_unsigned(line, "block", MICROPHONE_BLOCK);
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

static void on_frame(const uint8_t *payload, uint32_t size) {
    (void)size;
    wire_send_error(payload ? "unexpected frame" : "broken frame", NULL);
}

static const wire_app_t app = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .hello = hello,
    .frame = on_frame,
};

int main(void) {
    app_init(&app, WATCHDOG_MS);
    microphone_start();
    load_start();
    for (;;) {
        const bool spoken_to = app_turn();
        follow_bus();
        const bool heard = hear();
        if (load_due()) {
            take_stats();
            send_stats();
        }
        if (!spoken_to && !heard) {
            load_slept(board_sleep());
        }
    }
}
