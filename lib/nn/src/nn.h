/* Inference API, the same for every engine. One network is linked into an image; `host compile`
 * writes the file that defines it. No heap, no recursion, no floating-point arithmetic. */
#ifndef OTOLITH_NN_H
#define OTOLITH_NN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_MAX_RANK = 5 };

typedef enum { NN_INT8 = 0, NN_INT32 = 1 } nn_type_t;

/* A tensor at the network's edge: real value = scale * (q - zero_point). */
typedef struct {
    const char *name;
    nn_type_t type;
    uint8_t rank;
    int32_t dims[NN_MAX_RANK];
    uint32_t bytes;
    float scale; /* for reports; the chip never computes with it */
    int32_t zero_point;
    /* (q - zero_point) * score_multiplier >> 16 is the real value in Q15, saturated by the caller.
     */
    int32_t score_multiplier;
} nn_tensor_t;

/* What the engine knows about its network; all constant. */
typedef struct {
    const char *engine; /* "compiled" or "tflm" */
    const char *name;
    const char *hash; /* first 16 hex digits of the SHA-256 of the .tflite file */
    uint8_t inputs, outputs;
    const nn_tensor_t *input, *output;
    uint16_t labels;
    const char *const *label;
    uint32_t arena_bytes;  /* RAM for activations, scratch, kept rows; no input buffers */
    uint32_t weight_bytes; /* flash for weights, biases and requantisation tables */
    uint32_t macs;         /* multiply-accumulates of one invocation */
    /* nn_slide by hop_rows does less than nn_invoke once hop_history windows in a row have slid so;
     * 0: never */
    uint16_t hop_rows, hop_history;
} nn_info_t;

const nn_info_t *nn_info(void);

/* Prepare the engine. 0, or negative if it can't run. */
int nn_init(void);

/* The engine's own buffer for input i (input[i].bytes bytes); an invocation reads it
 * unless nn_set_input gave another. Fill it before each: the tflm engine uses its memory again. An
 * image of the compiled engine that never calls nn_input pays no RAM for it. */
int8_t *nn_input(int i);

/* Read input i from `data` (input[i].bytes bytes, never written) at the next invocation:
 * a sliding window is used where it lies. */
void nn_set_input(int i, const int8_t *data);

/* Run the network. 0, or negative on failure. */
int nn_invoke(void);

/* The same where the input is that of the last invocation moved up by `rows` rows, with new ones at
 * its end: the output is nn_invoke's, but an engine may keep what it computed of the others. */
int nn_slide(uint32_t rows);

/* Output i, valid until the next invocation. */
const int8_t *nn_output(int i);

#ifdef __cplusplus
}
#endif
#endif
