/* The inference app: microphone (or injected PCM) -> listening chain -> LED and JSON lines. */
#include <stddef.h>

#include "app.h"
#include "inject.h"
#include "listen.h"
#include "load.h"
#include "microphone.h"
#include "models.h"
#include "settings.h"
#include "statistics.h"
#include "stream.h"

enum { WATCHDOG_MS = 2000 }; /* the slowest network that keeps up takes far less */

static void hello(void) {
    json_t *line = app_hello("inference");
    models_hello(line);
    json_unsigned(line, "rate", MICROPHONE_RATE);
    json_unsigned(line, "hop", listen_config.hop);
    app_microphone(line);
    app_hello_end(line);
    if (stream_fault()) {
        wire_send_error(stream_fault(), NULL);
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
    stream_show.scores = on != 0;
    wire_send_ok(on ? "scores on" : "scores off");
}

static void command_features(uint32_t on) {
    stream_show.features = on != 0;
    wire_send_ok(on ? "features on" : "features off");
}

static void command_pcm(uint32_t on) {
    stream_show.pcm = on != 0;
    wire_send_ok(on ? "pcm on" : "pcm off");
}

static void command_restart(uint32_t unused) {
    (void)unused;
    if (stream_fault() || inject_active()) {
        wire_send_error(stream_fault() ? stream_fault() : "injecting", "restart");
        return;
    }
    stream_restart();
    wire_send_ok("restart");
}

static const wire_command_t commands[] = {
    {"hello", WIRE_NO_ARGUMENT, command_hello},  {"version", WIRE_NO_ARGUMENT, command_hello},
    {"stats", WIRE_NO_ARGUMENT, command_stats},  {"scores", WIRE_SWITCH, command_scores},
    {"features", WIRE_SWITCH, command_features}, {"pcm", WIRE_SWITCH, command_pcm},
    {"inject", WIRE_NUMBER, inject_command},     {"restart", WIRE_NO_ARGUMENT, command_restart},
    {"reset", WIRE_NO_ARGUMENT, app_reset},      {"bootsel", WIRE_NO_ARGUMENT, app_bootsel},
};

static const wire_text_command_t text_commands[] = {{"get", settings_get}, {"set", settings_set}};

static const wire_app_t app = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .text_commands = text_commands,
    .text_command_count = sizeof text_commands / sizeof *text_commands,
    .hello = hello,
    .frame = inject_frame,
};

int main(void) {
    app_init(&app, WATCHDOG_MS);
    inject_init(&stream_inject);
    stream_start();
    load_start();
    for (;;) {
        const bool spoken_to = app_turn();
        inject_watch();
        const bool heard = stream_hear();
        if (load_due() && !inject_active()) {
            statistics_take(stream_ms());
            statistics_send();
        }
        if (!spoken_to && !heard) {
            load_slept(board_sleep());
        }
    }
}
