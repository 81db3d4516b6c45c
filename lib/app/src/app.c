#include "app.h"

#include <stddef.h>

#ifndef OTOLITH_VERSION
#error "the build defines OTOLITH_VERSION"
#endif

enum { GOODBYE_MS = 50 };

static bool fault_told;

uint32_t app_time_ms(void) {
    return (uint32_t)(board_time_us() / 1000);
}

static void keep_alive(void) {
    watchdog_feed();
    console_task();
}

static const wire_port_t port = {
    .connected = console_connected,
    .read = console_read,
    .write = console_write,
    .room = console_write_room,
    .keep_alive = keep_alive,
    .time_ms = app_time_ms,
};

void app_init(const wire_app_t *app, uint32_t watchdog_ms) {
    board_init();
    watchdog_start(watchdog_ms);
    wire_session_init(&port, app);
}

bool app_turn(void) {
    keep_alive();
    return wire_session_poll();
}

json_t *app_hello(const char *name) {
    json_t *line = wire_begin("hello");
    json_unsigned(line, "protocol", WIRE_PROTOCOL);
    json_text(line, "app", name);
    json_text(line, "board", board_name());
    json_text(line, "version", OTOLITH_VERSION);
    json_text(line, "serial", board_serial());
#ifdef BOARD_BAUD
    json_unsigned(line, "baud", BOARD_BAUD);
#endif
    return line;
}

void app_hello_end(json_t *line) {
    if (wire_end(line) && board_last_fault() && !fault_told) {
        fault_told = true;
        json_t *fault = wire_begin("fault");
        json_text(fault, "reason", board_last_fault());
        wire_end(fault);
    }
}

static void goodbye(const char *command) {
    wire_send_ok(command);
    const uint32_t start = app_time_ms();
    while (app_time_ms() - start < GOODBYE_MS) {
        keep_alive();
    }
}

void app_reset(uint32_t unused) {
    (void)unused;
    goodbye("reset");
    board_reset();
}

void app_bootsel(uint32_t unused) {
    (void)unused;
    goodbye("bootsel");
    board_bootloader();
}
