#include "inject.h"

#include <stddef.h>

#include "app.h"

static const inject_app_t *app;

static struct {
    bool active;
    uint32_t samples, received, blocks;
    uint32_t last_ms; /* when the newest frame came */
} injection;

void inject_init(const inject_app_t *its_app) {
    app = its_app;
}

bool inject_active(void) {
    return injection.active;
}

static void end(void) {
    app->end();
    injection.active = false;
    wire_wait_for_room(false);
}

static void give_up(const char *reason) {
    end();
    wire_send_error(reason, "inject");
}

void inject_command(uint32_t samples) {
    const char *reason = app->refuse();
    if (reason != NULL || injection.active || samples == 0) {
        wire_send_error(reason != NULL ? reason
                        : samples == 0 ? "nothing to inject"
                                       : "already injecting",
                        "inject");
        return;
    }
    injection.active = true;
    injection.samples = samples;
    injection.received = injection.blocks = 0;
    injection.last_ms = app_time_ms();
    app->begin();
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

static void finish(void) {
    const uint32_t hops = app->finish();
    json_t *line = wire_begin("injected");
    json_unsigned(line, "samples", injection.samples);
    json_unsigned(line, "hops", hops);
    wire_end(line);
    end();
}

void inject_frame(const uint8_t *payload, uint32_t size) {
    if (!injection.active) {
        wire_send_error(payload ? "unexpected frame" : "broken frame", NULL);
        return;
    }
    const uint32_t left = injection.samples - injection.received;
    const uint32_t samples = left < INJECT_BLOCK ? left : INJECT_BLOCK;
    if (payload == NULL) {
        give_up("broken frame");
    } else if (payload[0] != WIRE_PCM || size != WIRE_HEADER + 2 * samples) {
        give_up("not the block of PCM that was due");
    } else if (wire_sequence(payload) != (uint16_t)injection.blocks) {
        give_up("a block of PCM is missing");
    } else {
        injection.received += samples;
        injection.blocks++;
        /* int16 little-endian, as this core has it; the receiver aligns payloads */
        app->hear((const int16_t *)(const void *)(payload + WIRE_HEADER), samples);
        injection.last_ms = app_time_ms();
        if (injection.received == injection.samples) {
            finish();
        } else {
            ask_for_more();
        }
    }
}

void inject_watch(void) {
    if (injection.active && !console_connected()) {
        end();
    } else if (injection.active && app_time_ms() - injection.last_ms >= INJECT_SILENCE_MS) {
        give_up("no PCM for two seconds");
    }
}
