/* DEPTHWISE_CONV_2D: packs each channel's plane, then lets the kernel's own function sum. */
#include "m0plus_kernels.h"

/* `count` values, each of two of the input's that lie `apart` bytes apart; where they end. */
#if defined(__ARM_ARCH_6M__)
static __attribute__((naked, noinline)) int32_t *
pairs(__attribute__((unused)) const int8_t *near, __attribute__((unused)) int32_t apart,
      __attribute__((unused)) int32_t step, __attribute__((unused)) int32_t *to,
      __attribute__((unused)) int32_t count) {
    /* r0 near, r1 apart, r2 step, r3 to, r4 r5 values, r6 far, r7 0, r12 left */
    __asm volatile(".syntax unified\n"
                   "push {r4-r7}\n"
                   "ldr r4, [sp, #16]\n"
                   "mov r12, r4\n"
                   "movs r7, #0\n"
                   "lsrs r4, r4, #1\n"
                   "bcc 2f\n"
                   ".macro nn_pair word\n"
                   "ldrsb r6, [r0, r1]\n"
                   "ldrsb \\word, [r0, r7]\n"
                   "lsls r6, r6, #16\n"
                   "adds \\word, r6\n"
                   "adds r0, r2\n"
                   ".endm\n"
                   "nn_pair r5\n"
                   "stmia r3!, {r5}\n"
                   "2:\n"
                   "mov r12, r4\n"
                   "cmp r4, #0\n"
                   "beq 3f\n"
                   "1:\n"
                   "nn_pair r4\n"
                   "nn_pair r5\n"
                   ".purgem nn_pair\n"
                   "stmia r3!, {r4, r5}\n"
                   "mov r4, r12\n"
                   "subs r4, #1\n"
                   "mov r12, r4\n"
                   "bne 1b\n"
                   "3:\n"
                   "mov r0, r3\n"
                   "pop {r4-r7}\n"
                   "bx lr\n");
}
#else
static int32_t *pairs(const int8_t *near, int32_t apart, int32_t step, int32_t *to, int32_t count) {
    for (; count; count--, near += step) {
        *to++ = near[apart] * 65536 + *near;
    }
    return to;
}
#endif

static int32_t *filled(int32_t *to, int32_t count, int32_t value) {
    for (; count; count--) {
        *to++ = value;
    }
    return to;
}

/* A row whose near or far values lie outside the input. */
static int32_t *edge(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int32_t y, int32_t below,
                     int32_t count, int32_t *to) {
    const int32_t step = (int32_t)p->in_column, row = (int32_t)p->in_row;
    const int near = y >= 0 && y < p->in_h, far = below >= 0 && below < p->in_h;
    if (!near && !far) {
        return filled(to, count, p->fill * 65537);
    }
    for (int32_t i = 0; i < count; i++) {
        *to++ = (far ? in[below * row + i * step] : p->fill) * 65536 +
                (near ? in[y * row + i * step] : p->fill);
    }
    return to;
}

/* Rows `first`.. of the input and those `apart` rows below -> rows * p->columns values. */
static void pack(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int32_t first, int32_t apart,
                 int32_t rows, int32_t *to) {
    const int32_t row = (int32_t)p->in_row, step = (int32_t)p->in_column, left = p->pad_w;
    const int32_t inside = p->in_w < p->columns - left ? p->in_w : p->columns - left;
    const int32_t right = p->columns - left - inside, fill = p->fill * 65537;
    for (int32_t y = first; y < first + rows; y++) {
        to = filled(to, left, fill);
        if (y >= 0 && y + apart < p->in_h) {
            to = pairs(in + y * row, apart * row, step, to, inside);
        } else {
            to = edge(p, in, y, y + apart, inside, to);
        }
        to = filled(to, right, fill);
    }
}

/* The first sum, the weights a word each, the line. */
static void constants_of(const nn_m0_depthwise_conv_2d_t *p, int32_t c, int32_t *to) {
    const int32_t *constants = p->constants + c * (1 + p->lines);
    const int8_t *weights = p->weights + c * p->taps;
    *to++ = constants[0];
    *to++ = (int32_t)((uint32_t)constants[0] * 65537u);
    for (int32_t i = 0; i < p->taps; i++) {
        *to++ = weights[i];
    }
    for (int32_t i = 1; i <= p->lines; i++) {
        *to++ = constants[i];
    }
}

/* Rows oy.. of outputs. */
static void band(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out, int32_t oy,
                 int32_t count, int32_t *scratch) {
    /* of an odd number of rows the middle one is both near and far */
    const int32_t near = (count + 1) / 2, apart = count - near;
    const int32_t rows = (near - 1) * p->stride_h + (p->kernel_h - 1) * p->dilation_h + 1;
    int32_t *const constants = scratch + rows * p->columns;
    int32_t left = 0;
    for (int32_t c = 0; c < p->channels; c++, left--) {
        if (left == 0) {
            left = p->multiplier;
            pack(p, in++, oy * p->stride_h - p->pad_h, apart * p->stride_h, rows, scratch);
        }
        constants_of(p, c, constants);
        nn_m0_plane_t run = {
            .constants = constants,
            .x = scratch,
            .out = out + oy * (int32_t)p->out_row + c,
            .far = (uint32_t)apart * p->out_row,
            .row_skip = 4u * (uint32_t)(p->dilation_h * p->columns - p->kernel_w),
            .out_column = p->out_column,
            .columns_bytes = 4u * p->out_w * p->stride_w,
            .rows = (uint32_t)near,
            .x_row = 4u * p->stride_h * p->columns,
            .out_row = p->out_row,
        };
        p->plane(&run);
    }
}

void nn_m0_depthwise_conv_2d(const nn_m0_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                             int8_t *scratch) {
    for (int32_t n = 0; n < p->batches; n++) {
        for (int32_t oy = 0; oy < p->out_h; oy += p->band) {
            const int32_t left = p->out_h - oy;
            band(p, in, out, oy, left < p->band ? left : p->band, (int32_t *)(void *)scratch);
        }
        in += p->in_h * p->in_w * (p->channels / p->multiplier);
        out += p->out_h * p->out_w * p->channels;
    }
}
