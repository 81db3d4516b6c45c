/* The board's end of the conversation: commands in, lines and frames out, over any byte port.
 *
 * Lines and frames leave whole or not at all. If the computer does not read, they are dropped and
 * counted and the caller goes on, unless it asked to wait (wire_wait_for_room). There is one
 * session; all functions are for the main loop. */
#ifndef OTOLITH_WIRE_SESSION_H
#define OTOLITH_WIRE_SESSION_H

#include "command.h"
#include "json.h"
#include "receiver.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WIRE_PROTOCOL = 1,       /* as PROTOCOL in host/otolith/version.py */
    WIRE_LINE_BUFFER = 2048, /* bytes, the longest line that can be sent */
    WIRE_PATIENCE_MS = 2000, /* for room, and for the rest of a frame */
};

/* The byte port. No function blocks. */
typedef struct {
    bool (*connected)(void);
    uint32_t (*read)(uint8_t *data, uint32_t size);
    uint32_t (*write)(const uint8_t *data, uint32_t size);
    uint32_t (*room)(void);   /* bytes that `write` takes now */
    void (*keep_alive)(void); /* called again and again while a send waits for room */
    uint32_t (*time_ms)(void);
} wire_port_t;

/* The app's part. */
typedef struct {
    const wire_command_t *commands;
    uint32_t command_count;
    const wire_text_command_t *text_commands; /* may be NULL with a count of 0 */
    uint32_t text_command_count;
    void (*hello)(void); /* the computer has connected: say who this is */
    /* A frame has come: its payload, header included, aligned to 4 bytes; NULL if it was broken. */
    void (*frame)(const uint8_t *payload, uint32_t size);
} wire_app_t;

/* Begin a session. `port` and `app` must stay valid. */
void wire_session_init(const wire_port_t *port, const wire_app_t *app);

/* Handle what has come in, up to one frame. Returns whether there was anything. */
bool wire_session_poll(void);

/* Let sends wait up to WIRE_PATIENCE_MS for room (true), or drop at once (false, at the start). */
void wire_wait_for_room(bool wait);

/* Begin a line in the session's one buffer; add fields (json.h); wire_end sends it.
 *
 * wire_end returns whether the line was sent. */
json_t *wire_begin(const char *event);
bool wire_end(json_t *line);

/* Send a frame of `size` bytes, 0 to WIRE_MAX_DATA. Returns whether it was sent. */
bool wire_send_frame(uint8_t type, uint16_t sequence, const uint8_t *data, uint32_t size);

/* Answer a command. command: the one that is refused, or NULL. */
void wire_send_ok(const char *command);
void wire_send_error(const char *reason, const char *command);

/* Lines and frames dropped since the start. None counts while nobody is connected. */
uint32_t wire_dropped(void);

#ifdef __cplusplus
}
#endif
#endif
