/* Hostile bytes into lib/wire, for sanitizers: wire_fuzz COUNT SEED.
 *
 * Each input is random bytes, a command line with errors in it, or a frame that is good, has bits
 * flipped, or is cut. They come in reads of any size into a session whose port takes as much as it
 * likes. After each input stands a line that must be obeyed. Prints how often what happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MOST = 2 * WIRE_MAX_FRAME + 600 };

static uint64_t state;

static uint32_t random_below(uint32_t limit) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717ull) >> 32) % limit;
}

static void fail(const char *why) {
    printf("%s\n", why);
    exit(1);
}

/* ---- the port ---- */

static uint8_t *input; /* of exactly its size: a sanitizer sees what is read beyond */
static uint32_t input_size, input_next;
static uint32_t now;
static uint32_t lines, frames_out;

static bool connected(void) {
    return true;
}

static uint32_t read_some(uint8_t *data, uint32_t size) {
    uint32_t count = input_size - input_next;
    count = count < size ? count : size;
    count = count > 1 ? 1 + random_below(count) : count;
    memcpy(data, input + input_next, count);
    input_next += count;
    return count;
}

static uint32_t room(void) {
    return 4096;
}

static uint32_t write_all(const uint8_t *data, uint32_t size) {
    if (size == 0 || size > WIRE_LINE_BUFFER) {
        fail("a write of no line's size");
    }
    if (data[0] == '{') {
        if (data[size - 1] != '\n' || memchr(data, '\n', size) != data + size - 1 ||
            memchr(data, 0, size) != NULL) {
            fail("not one whole line");
        }
        lines++;
    } else {
        frames_out++;
    }
    return size;
}

static void keep_alive(void) {
    now++;
}

static uint32_t time_ms(void) {
    return now;
}

static const wire_port_t port = {connected, read_some, write_all, room, keep_alive, time_ms};

/* ---- the app ---- */

static uint32_t obeyed, texts, good, broken, checkpoints;
static volatile uint32_t sum; /* everything handed over is read */

static void number(uint32_t value) {
    sum += value;
    obeyed++;
}

static void checkpoint(uint32_t unused) {
    (void)unused;
    checkpoints++;
}

static const char *text(const char *given) {
    const size_t size = strlen(given);
    if (size < 1 || size > WIRE_MAX_TEXT) {
        fail("a text of no allowed length");
    }
    texts++;
    return size & 1 ? "no" : NULL;
}

static void hello(void) {
}

static void frame(const uint8_t *payload, uint32_t size) {
    if (payload == NULL) {
        broken++;
        return;
    }
    if (size < WIRE_HEADER || size > WIRE_MAX_PAYLOAD) {
        fail("a payload of no allowed size");
    }
    if ((uintptr_t)payload % 4 != 0) {
        fail("a payload that is not aligned");
    }
    for (uint32_t i = 0; i < size; i++) {
        sum += payload[i];
    }
    good++;
    wire_send_frame(payload[0], wire_sequence(payload), payload + WIRE_HEADER, size - WIRE_HEADER);
}

static const wire_command_t commands[] = {
    {"hello", WIRE_NO_ARGUMENT, number},
    {"inject", WIRE_NUMBER, number},
    {"pcm", WIRE_SWITCH, number},
    {"checkpoint", WIRE_NO_ARGUMENT, checkpoint},
};
static const wire_text_command_t text_commands[] = {{"set", text}, {"get", text}};
static const wire_app_t app = {commands, 4, text_commands, 2, hello, frame};

/* ---- inputs ---- */

static uint32_t noise(uint8_t *to) {
    const uint32_t size = random_below(300);
    for (uint32_t i = 0; i < size; i++) {
        to[i] = (uint8_t)random_below(256);
    }
    return size;
}

static uint32_t command_line(uint8_t *to) {
    static const char *const names[] = {"hello", "inject", "pcm", "set", "get", "x", ""};
    static const char *const arguments[] = {
        "", "1", "on", "4294967295", "4294967296", "99999999999999999999", "detect.gate 3", "\x01"};
    uint32_t size = (uint32_t)sprintf((char *)to, "%s%s%s%s", names[random_below(7)],
                                      random_below(4) ? " " : "", arguments[random_below(8)],
                                      random_below(4) ? "\n" : "\r\n");
    for (uint32_t flips = random_below(3); flips > 0; flips--) {
        to[random_below(size)] = (uint8_t)random_below(256);
    }
    if (random_below(8) == 0) { /* too long, or as long as allowed */
        const uint32_t more = random_below(120);
        memset(to + size, 'y', more);
        size += more;
        to[size++] = '\n';
    }
    return size;
}

static uint32_t framed(uint8_t *to) {
    uint8_t data[WIRE_MAX_DATA];
    const uint32_t size = random_below(WIRE_MAX_DATA + 1);
    const bool zeros = random_below(4) == 0;
    for (uint32_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(zeros && random_below(3) ? 0 : random_below(256));
    }
    uint32_t length = wire_encode((uint8_t) "PFTx"[random_below(4)], (uint16_t)random_below(65536),
                                  data, size, to);
    const uint32_t harm = random_below(4);
    for (uint32_t flips = harm & 1 ? 1 + random_below(3) : 0; flips > 0; flips--) {
        to[random_below(length)] ^= (uint8_t)(1u << random_below(8));
    }
    return harm & 2 ? random_below(length + 1) : length;
}

int main(int count, char **arguments) {
    static uint8_t made[MOST];
    static const char last[] = "\n\0\0checkpoint\n";
    const uint32_t inputs = (uint32_t)atoi(count > 1 ? arguments[1] : "1000");
    state = 88172645463325252ull + (uint64_t)atoi(count > 2 ? arguments[2] : "1");
    wire_session_init(&port, &app);
    for (uint32_t i = 0; i < inputs; i++) {
        const uint32_t kind = random_below(3);
        input_size = kind == 0 ? noise(made) : kind == 1 ? command_line(made) : framed(made);
        const uint32_t before = checkpoints;
        for (int end = 0; end < 2; end++) {
            const uint8_t *bytes = end ? (const uint8_t *)last : made;
            input_size = end ? sizeof last - 1 : input_size;
            input = malloc(input_size ? input_size : 1);
            memcpy(input, bytes, input_size);
            input_next = 0;
            while (wire_session_poll()) {
            }
            free(input);
        }
        /* a frame still open may take the line as its last bytes: time ends it */
        now += WIRE_PATIENCE_MS;
        input_size = input_next = 0;
        wire_session_poll();
        if (checkpoints != before + 1) {
            input = malloc(sizeof last);
            input_size = sizeof last - 1;
            memcpy(input, last, input_size);
            input_next = 0;
            while (wire_session_poll()) {
            }
            free(input);
            if (checkpoints != before + 1) {
                fail("a good line was not obeyed");
            }
        }
    }
    printf("%u commands, %u texts, %u frames, %u broken frames, %u lines, %u frames out\n", obeyed,
           texts, good, broken, lines, frames_out);
    return 0;
}
