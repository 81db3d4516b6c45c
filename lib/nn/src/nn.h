/* The inference API. It is the same for every engine.
 *
 * An image contains one network. `host compile` writes the file that defines it. The engines use no
 * heap and no recursion. The compiled engine uses no floating-point arithmetic.
 *
 * Typical use:
 *     if (nn_init() < 0) { ... }
 *     nn_set_input(0, window);
 *     if (nn_invoke() == 0) { use(nn_output(0)); }
 */
#ifndef OTOLITH_NN_H
#define OTOLITH_NN_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_MAX_RANK = 5 };

typedef enum { NN_INT8 = 0, NN_INT32 = 1 } nn_type_t;

/* An input or output of the network. real value = scale * (q - zero_point) */
typedef struct {
    const char *name;
    nn_type_t type;
    uint8_t rank;
    int32_t dims[NN_MAX_RANK];
    uint32_t bytes;
    float scale; /* for reports: the chip does not compute with it */
    int32_t zero_point;
    /* Real value in Q15 = (q - zero_point) * score_multiplier >> 16. The caller saturates it. */
    int32_t score_multiplier;
} nn_tensor_t;

/* What the engine knows about its network. All of it is constant. */
typedef struct {
    const char *engine; /* "compiled" or "tflm" */
    const char *name;
    const char *hash; /* first 16 hex digits of the SHA-256 of the .tflite file */
    uint8_t inputs, outputs;
    const nn_tensor_t *input, *output;
    uint16_t labels;
    const char *const *label;
    uint32_t arena_bytes; /* RAM of activations, working memory, kept rows; without input buffers */
    uint32_t weight_bytes; /* flash of weights, biases and requantisation tables */
    uint32_t macs;         /* multiply-accumulate operations of one invocation */
    /* nn_slide(hop_rows) does less than nn_invoke() after hop_history windows, each hop_rows after
     * the one before. Both are 0 if nn_slide() never does less. */
    uint16_t hop_rows, hop_history;
    bool stateful; /* an output also depends on earlier invocations */
} nn_info_t;

/* Describes the network. May be called before nn_init(). */
const nn_info_t *nn_info(void);

/* Prepares the engine. Returns 0, or a negative number if the network can't run. */
int nn_init(void);

/* Returns the engine's own buffer for input i, of input[i].bytes bytes. The next invocation reads
 * it unless nn_set_input() names another. Fill it before every invocation, because the tflm engine
 * reuses its memory. With the compiled engine the buffer takes RAM only if nn_input() is called. */
int8_t *nn_input(int i);

/* Makes the next invocation read input i from `data`, of input[i].bytes bytes. The data are not
 * read before that and never written, so a sliding window can stay where it is. */
void nn_set_input(int i, const int8_t *data);

/* Sets the network's state to its initial values, as nn_init() does: the next invocation is like
 * the first. Does nothing for a network without a state. */
void nn_reset(void);

/* Runs the network. Returns 0, or a negative number on failure. */
int nn_invoke(void);

/* Runs the network on the last input moved up by `rows` rows, with new rows at its end. The output
 * is that of nn_invoke(), but an engine may keep what it computed of the old rows. */
int nn_slide(uint32_t rows);

/* Returns output i, of output[i].bytes bytes. It is valid until the next invocation. */
const int8_t *nn_output(int i);

#ifdef __cplusplus
}
#endif
#endif
