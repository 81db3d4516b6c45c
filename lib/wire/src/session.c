#include "session.h"

#include <stddef.h>

static struct {
    const wire_port_t *port;
    const wire_app_t *app;
    wire_receiver_t receiver;
    json_t line;
    char text[WIRE_LINE_BUFFER];
    uint8_t frame[WIRE_MAX_FRAME];
    uint8_t input[64];
    uint32_t input_size, input_next;
    uint32_t last_byte_ms;
    uint32_t dropped;
    bool connected, wait;
} session;

void wire_session_init(const wire_port_t *port, const wire_app_t *app) {
    session.port = port;
    session.app = app;
    session.input_size = session.input_next = 0;
    session.dropped = 0;
    session.connected = session.wait = false;
    wire_receiver_init(&session.receiver);
}

static bool wait_for_room(uint32_t size) {
    const uint32_t start = session.port->time_ms();
    while (session.port->room() < size) {
        if (!session.wait || !session.port->connected() ||
            session.port->time_ms() - start >= WIRE_PATIENCE_MS) {
            return false;
        }
        session.port->keep_alive();
    }
    return true;
}

static bool send(const uint8_t *data, uint32_t size) {
    if (!session.port->connected()) {
        return false;
    }
    if (size == 0 || !wait_for_room(size)) {
        session.dropped++;
        return false;
    }
    return session.port->write(data, size) == size;
}

void wire_wait_for_room(bool wait) {
    session.wait = wait;
}

json_t *wire_begin(const char *event) {
    json_open(&session.line, session.text, sizeof session.text, event);
    return &session.line;
}

bool wire_end(json_t *line) {
    return send((const uint8_t *)line->text, json_close(line));
}

bool wire_send_frame(uint8_t type, uint16_t sequence, const uint8_t *data, uint32_t size) {
    if (!session.port->connected()) { /* don't encode for nobody */
        return false;
    }
    return send(session.frame, wire_encode(type, sequence, data, size, session.frame));
}

void wire_send_ok(const char *command) {
    json_t *line = wire_begin("ok");
    json_text(line, "command", command);
    wire_end(line);
}

void wire_send_error(const char *reason, const char *command) {
    json_t *line = wire_begin("error");
    json_text(line, "reason", reason);
    if (command) {
        json_text(line, "command", command);
    }
    wire_end(line);
}

uint32_t wire_dropped(void) {
    return session.dropped;
}

static const char *run(const char *line) {
    const wire_app_t *app = session.app;
    const char *reason;
    if (wire_run_text_command(line, app->text_commands, app->text_command_count, &reason)) {
        return reason;
    }
    return wire_run_command(line, app->commands, app->command_count);
}

static void handle(wire_event_t event) {
    const wire_receiver_t *r = &session.receiver;
    const char *reason;
    switch (event) {
    case WIRE_LINE:
        reason = run(r->line);
        if (reason) {
            wire_send_error(reason, r->line);
        }
        break;
    case WIRE_FRAME:
        session.app->frame(r->payload, r->payload_size);
        break;
    case WIRE_BAD_FRAME:
        session.app->frame(NULL, 0);
        break;
    case WIRE_LONG_LINE:
        wire_send_error("line too long", NULL);
        break;
    case WIRE_CUT_LINE:
        wire_send_error("line cut by a zero byte", NULL);
        break;
    case WIRE_NOTHING:
        break;
    }
}

static void watch_connection(void) {
    const bool connected = session.port->connected();
    if (connected != session.connected) {
        session.connected = connected;
        wire_receiver_init(&session.receiver);
        session.input_size = session.input_next = 0;
        if (connected) {
            session.app->hello();
        }
    }
}

bool wire_session_poll(void) {
    watch_connection();
    /* A frame that stops in the middle must not swallow later commands. */
    if (wire_receiver_in_frame(&session.receiver) &&
        session.port->time_ms() - session.last_byte_ms >= WIRE_PATIENCE_MS) {
        wire_receiver_init(&session.receiver);
        session.app->frame(NULL, 0);
    }
    bool any = false;
    for (;;) {
        if (session.input_next == session.input_size) {
            session.input_next = 0;
            session.input_size = session.port->read(session.input, sizeof session.input);
            if (session.input_size == 0) {
                return any;
            }
            session.last_byte_ms = session.port->time_ms();
        }
        any = true;
        while (session.input_next < session.input_size) {
            const wire_event_t event =
                wire_receive(&session.receiver, session.input[session.input_next++]);
            if (event != WIRE_NOTHING) {
                handle(event);
                return true;
            }
        }
    }
}
