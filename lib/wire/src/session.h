/* The device's end of the conversation: commands in, lines and frames out, over any byte port.
 * Lines and frames leave whole or not at all: when the other side does not read, they are dropped
 * and counted, and the caller goes on; unless it asked to wait (wire_wait_for_room). */
#ifndef OTOLITH_WIRE_SESSION_H
#define OTOLITH_WIRE_SESSION_H

#include "command.h"
#include "json.h"
#include "receiver.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WIRE_PROTOCOL = 1, WIRE_LINE_BUFFER = 2048, WIRE_PATIENCE_MS = 2000 };

/* The byte port below. */
typedef struct {
    bool (*connected)(void);
    uint32_t (*read)(uint8_t *data, uint32_t size);
    uint32_t (*write)(const uint8_t *data, uint32_t size);
    uint32_t (*room)(void);   /* bytes `write` takes at once */
    void (*keep_alive)(void); /* called again and again while waiting for room */
    uint32_t (*time_ms)(void);
} wire_port_t;

/* What an app hears. */
typedef struct {
    const wire_command_t *commands;
    uint32_t command_count;
    const wire_text_command_t *text_commands; /* may be NULL with a count of 0 */
    uint32_t text_command_count;
    void (*hello)(void); /* the other side has connected: introduce yourself */
    /* A frame: its payload, header included; NULL when a frame was broken. */
    void (*frame)(const uint8_t *payload, uint32_t size);
} wire_app_t;

void wire_session_init(const wire_port_t *port, const wire_app_t *app);

/* Handle what has come in, up to and including one frame. True if there was anything. */
bool wire_session_poll(void);

/* From now on sends wait up to WIRE_PATIENCE_MS for room (true) or drop at once (false). */
void wire_wait_for_room(bool wait);

/* Start a line in the session's one buffer; wire_end sends it. */
json_t *wire_begin(const char *event);
bool wire_end(json_t *line);

bool wire_send_frame(uint8_t type, uint16_t sequence, const uint8_t *data, uint32_t size);

void wire_send_ok(const char *command);
void wire_send_error(const char *reason, const char *command);

/* Lines and frames that were not sent, since the start. Nothing counts while nobody is connected.
 */
uint32_t wire_dropped(void);

#ifdef __cplusplus
}
#endif
#endif
