/* The bench app: runs the linked network on inputs that are sent to it and counts the CPU cycles
 * of each layer. Its commands crash and stall show what a board does on a fault. */
#include <stddef.h>
#include <string.h>

#include "app.h"
#include "app_model.h"
#include "nn.h"
#include "nn_profile.h"

enum {
    WATCHDOG_MS = 8000, /* one inference must fit */
    MAX_LAYERS = 128    /* later layers have no cycles */
};

static struct {
    bool active;
    uint32_t received, chunks; /* bytes and frames so far */
} run;

static struct {
    uint32_t last; /* when the operation before ended */
    uint32_t cycles[MAX_LAYERS];
    uint32_t count;
} layers;

static bool ready;            /* the engine has started */
static uint32_t start_cycles; /* that took */

static uint32_t total_bytes(const nn_tensor_t *tensors, uint32_t count) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += tensors[i].bytes;
    }
    return bytes;
}

static uint32_t input_bytes(void) {
    return total_bytes(nn_info()->input, nn_info()->inputs);
}

/* Write `size` bytes of the inputs from `offset` on, all inputs counted as one string of bytes. */
static void put_input(uint32_t offset, const uint8_t *data, uint32_t size) {
    const nn_info_t *info = nn_info();
    for (int i = 0; i < info->inputs && size > 0; i++) {
        const uint32_t bytes = info->input[i].bytes;
        if (offset < bytes) {
            const uint32_t n = size < bytes - offset ? size : bytes - offset;
            memcpy(nn_input(i) + offset, data, n);
            data += n;
            size -= n;
            offset = bytes;
        }
        offset -= bytes;
    }
}

static void send_outputs(void) {
    const nn_info_t *info = nn_info();
    uint16_t sequence = 0;
    for (int i = 0; i < info->outputs; i++) {
        const uint8_t *data = (const uint8_t *)nn_output(i);
        for (uint32_t sent = 0; sent < info->output[i].bytes;) {
            const uint32_t left = info->output[i].bytes - sent;
            const uint32_t n = left < WIRE_MAX_DATA ? left : WIRE_MAX_DATA;
            wire_send_frame(WIRE_TENSOR, sequence++, data + sent, n);
            sent += n;
        }
    }
}

void nn_profile(uint32_t operation) {
    const uint32_t now = board_cycles();
    if (operation < MAX_LAYERS) {
        layers.cycles[operation] = now - layers.last;
        layers.count = operation + 1;
    }
    layers.last = now;
}

/* Cycles of a hop if the engine keeps rows of earlier windows, else 0. The values do not matter,
 * only by how much the window slid. */
static uint32_t hop_cycles(void) {
    const nn_info_t *info = nn_info();
    uint32_t cycles = 0;
    for (uint32_t hop = 0; info->hop_rows > 0 && hop <= info->hop_history; hop++) {
        const uint32_t start = board_cycles();
        if (nn_slide(info->hop_rows) < 0) {
            return 0;
        }
        cycles = board_cycles() - start;
    }
    return cycles;
}

static void invoke(void) {
    const uint32_t slid = hop_cycles();
    layers.count = 0;
    const uint32_t start = layers.last = board_cycles();
    const int failed = nn_invoke();
    const uint32_t cycles = board_cycles() - start;
    if (failed < 0) {
        wire_send_error("the network failed", "run");
        return;
    }
    send_outputs();
    json_t *line = wire_begin("ran");
    json_unsigned(line, "cycles", cycles);
    json_unsigned(line, "start_cycles", start_cycles);
    json_unsigned(line, "hop_cycles", slid);
    json_unsigned(line, "clock_hz", board_clock_hz());
    json_unsigned(line, "arena", nn_info()->arena_bytes);
    json_unsigned(line, "stack", board_stack_used());
    json_array(line, "layers");
    for (uint32_t i = 0; i < layers.count; i++) {
        json_item_signed(line, (int32_t)layers.cycles[i]);
    }
    json_array_end(line);
    wire_end(line);
}

static void on_frame(const uint8_t *payload, uint32_t size) {
    if (!run.active) {
        wire_send_error(payload ? "unexpected frame" : "broken frame", NULL);
        return;
    }
    const uint32_t left = input_bytes() - run.received;
    const uint32_t due = left < WIRE_MAX_DATA ? left : WIRE_MAX_DATA;
    run.active = false;
    if (payload == NULL) {
        wire_send_error("broken frame", "run");
    } else if (payload[0] != WIRE_TENSOR || size != WIRE_HEADER + due ||
               (uint32_t)wire_sequence(payload) != (uint16_t)run.chunks) {
        wire_send_error("not the part of the tensor that was due", "run");
    } else {
        put_input(run.received, payload + WIRE_HEADER, due);
        run.received += due;
        run.chunks++;
        run.active = run.received < input_bytes();
        if (!run.active) {
            invoke();
        }
    }
}

static void hello(void) {
    const nn_info_t *info = nn_info();
    json_t *line = app_hello("bench");
    app_hello_model(line);
    json_unsigned(line, "input", input_bytes());
    json_unsigned(line, "output", total_bytes(info->output, info->outputs));
    json_unsigned(line, "arena", info->arena_bytes);
    json_unsigned(line, "weights", info->weight_bytes);
    json_unsigned(line, "macs", info->macs);
    json_unsigned(line, "clock_hz", board_clock_hz());
    app_hello_end(line);
}

static void command_hello(uint32_t unused) {
    (void)unused;
    hello();
}

static void command_run(uint32_t unused) {
    (void)unused;
    if (!ready) {
        wire_send_error("the engine did not start", "run");
        return;
    }
    run.active = true; /* a run under way starts over */
    run.received = run.chunks = 0;
    json_t *line = wire_begin("running");
    json_unsigned(line, "input", input_bytes());
    wire_end(line);
}

static void command_crash(uint32_t unused) {
    (void)unused;
    __asm volatile("udf #0");
}

static void command_stall(uint32_t unused) {
    (void)unused;
    for (;;) {
    }
}

static const wire_command_t commands[] = {
    {"hello", WIRE_NO_ARGUMENT, command_hello}, {"version", WIRE_NO_ARGUMENT, command_hello},
    {"run", WIRE_NO_ARGUMENT, command_run},     {"crash", WIRE_NO_ARGUMENT, command_crash},
    {"stall", WIRE_NO_ARGUMENT, command_stall}, {"reset", WIRE_NO_ARGUMENT, app_reset},
    {"bootsel", WIRE_NO_ARGUMENT, app_bootsel},
};

static const wire_app_t app = {
    .commands = commands,
    .command_count = sizeof commands / sizeof *commands,
    .hello = hello,
    .frame = on_frame,
};

int main(void) {
    app_init(&app, WATCHDOG_MS);
    const uint32_t start = board_cycles();
    ready = nn_init() >= 0;
    start_cycles = board_cycles() - start;
    wire_wait_for_room(true); /* results are worth waiting for */
    for (;;) {
        if (!app_turn()) {
            board_sleep();
        }
    }
}
