/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8 with a cell of 16 bits (TFLM's lstm_eval.cc). */
#include "../nn_arith.h"
#include "../nn_kernels.h"

/* s(i) = 65536 / (1 + e^(-i / 24)), raised by half of what a straight line to the next entry is off
 * in the middle, and rounded: the values of TFLite's sigmoid_table_uint16. */
static const uint16_t sigmoid[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794,
    41432, 42064, 42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443,
    48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374,
    54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280, 58544,
    58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279,
    61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990,
    63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030,
    64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652,
    64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019,
    65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234,
    65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360,
    65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433,
    65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476,
    65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501,
    65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
};

static inline int16_t narrow(int32_t x) {
    return (int16_t)(x < -32768 ? -32768 : x > 32767 ? 32767 : x);
}

/* 1 / (1 + e^-x) in Q15 of x in Q12, both interpolated. */
static int16_t logistic(int16_t x) {
    const int32_t scaled = x * 3;
    const uint32_t size = (uint32_t)(scaled < 0 ? -scaled : scaled), at = size >> 9;
    uint32_t result = 0x7fffu << 10;
    if (at < 255) {
        const uint32_t a = sigmoid[at], b = sigmoid[at + 1];
        result = (a << 9) + (size & 0x1ffu) * (b - a);
    }
    result = scaled >= 0 ? result + (1u << 9) : (1u << 25) - result + (1u << 9) - 1u;
    return (int16_t)(result >> 10);
}

/* tanh(x) in Q15 */
static int16_t tanh_of(int16_t x, int32_t multiplier, int32_t shift) {
    const int32_t round = shift > 0 ? 1 << (shift - 1) : 0;
    const int32_t scaled = (x * multiplier + round) >> shift;
    const uint32_t size = (uint32_t)(scaled < 0 ? -scaled : scaled), at = size >> 8;
    int32_t result = 0xffff << 8;
    if (at < 255) {
        const int32_t a = sigmoid[at], b = sigmoid[at + 1];
        result = (a << 8) + (int32_t)(size & 0xffu) * (b - a);
    }
    result = scaled >= 0 ? result - (1 << 23) + (1 << 7) : -result + (1 << 23) + (1 << 7) - 1;
    return (int16_t)(result >> 8);
}

static inline int32_t dot(const int8_t *x, const int8_t *weights, uint32_t count, int32_t offset) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (x[i] + offset) * weights[i];
    }
    return sum;
}

/* What a gate gives to its activation, Q12. */
static int16_t gate(const nn_lstm_t *p, const nn_lstm_gate_t *g, const int8_t *in,
                    const int8_t *hidden, uint32_t c) {
    int32_t a = dot(in, g->input + c * p->inputs, p->inputs, p->in_offset);
    a = nn_rescale(nn_add_wrapping(a, g->bias[c]), g->input_multiplier, g->input_shift);
    const int32_t b = dot(hidden, g->recurrent + c * p->cells, p->cells, p->hidden_offset);
    return narrow(narrow(a) + narrow(nn_rescale(b, g->recurrent_multiplier, g->recurrent_shift)));
}

static inline int16_t product(const nn_lstm_t *p, uint32_t which, int16_t a, int16_t b) {
    return narrow(nn_rescale(a * b, p->multiplier[which], p->shift[which]));
}

/* Hears one row. `out`: the new hidden state. */
static void step(const nn_lstm_t *p, const int8_t *in, const int8_t *hidden, int16_t *cell,
                 int8_t *out) {
    for (uint32_t c = 0; c < p->cells; c++) {
        const int16_t take = logistic(gate(p, &p->gates[0], in, hidden, c));
        const int16_t keep = logistic(gate(p, &p->gates[1], in, hidden, c));
        const int16_t new = tanh_of(gate(p, &p->gates[2], in, hidden, c), 3, 0);
        const int16_t show = logistic(gate(p, &p->gates[3], in, hidden, c));
        int16_t now = narrow(product(p, 0, keep, cell[c]) + product(p, 1, take, new));
        if (p->clip > 0) {
            now = now > p->clip ? p->clip : now < -p->clip ? (int16_t)-p->clip : now;
        }
        cell[c] = now;
        const int16_t shown = tanh_of(now, p->tanh_multiplier, p->tanh_shift);
        const int32_t value = nn_rescale(shown * show, p->multiplier[2], p->shift[2]);
        out[c] = nn_clamp(nn_add_wrapping(value, -p->hidden_offset), -128, 127);
    }
}

void nn_lstm(const nn_lstm_t *p, const int8_t *in, int8_t *hidden, int8_t *cells, int8_t *out) {
    int16_t *cell = (int16_t *)(void *)cells;
    for (uint32_t b = 0; b < p->batches; b++, hidden += p->cells, cell += p->cells) {
        for (uint32_t t = 0; t < p->steps; t++) {
            const uint32_t at = b * p->batch_items + t * p->step_items;
            int8_t *row = out + at * p->cells;
            step(p, in + at * p->inputs, hidden, cell, row);
            memcpy(hidden, row, p->cells);
        }
    }
}
