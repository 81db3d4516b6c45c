/* nn.h on top of TensorFlow Lite Micro's interpreter. The caller sees float inputs and outputs
 * (QUANTIZE and DEQUANTIZE at the edges of a network) as int8, as with the compiled engine. */
#include <math.h>
#include <new>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_time.h"

#include "nn.h"
#include "nn_tflm.h"

namespace {

enum { MAX_EDGES = 4 };

/* nn_init() constructs it. A static object with a constructor would need start-up code. */
alignas(tflite::MicroInterpreter) unsigned char place[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter;
const int8_t
    *given[MAX_EDGES]; /* input that nn_invoke() copies; nullptr if the caller filled nn_input() */

int8_t clamp(float value) {
    const float rounded = roundf(value);
    return static_cast<int8_t>(rounded < -128.0f ? -128.0f : rounded > 127.0f ? 127.0f : rounded);
}

void fill(TfLiteTensor *tensor, const nn_tensor_t *edge, const int8_t *data) {
    if (tensor->type != kTfLiteFloat32) {
        memmove(tensor->data.int8, data, edge->bytes);
        return;
    }
    for (uint32_t i = edge->bytes;
         i-- > 0;) { /* backwards, because data may be the tensor's own memory */
        const int32_t q = data[i] - edge->zero_point;
        tensor->data.f[i] = edge->scale * static_cast<float>(q);
    }
}

/* Replaces floats by int8 in the same memory. */
void narrow(TfLiteTensor *tensor, const nn_tensor_t *edge) {
    if (tensor->type != kTfLiteFloat32) {
        return;
    }
    for (uint32_t i = 0; i < edge->bytes; i++) {
        const float value = tensor->data.f[i] / edge->scale;
        tensor->data.int8[i] = clamp(value + static_cast<float>(edge->zero_point));
    }
}

bool is_edge(const TfLiteTensor *tensor, const nn_tensor_t *edge) {
    const size_t element = tensor != nullptr && tensor->type == kTfLiteFloat32 ? sizeof(float) : 1;
    return tensor != nullptr && tensor->bytes == edge->bytes * element;
}

bool edges_fit(const nn_info_t *info) {
    bool fit = info->inputs <= MAX_EDGES && info->inputs == interpreter->inputs_size() &&
               info->outputs == interpreter->outputs_size();
    for (uint8_t i = 0; fit && i < info->inputs; i++) {
        fit = is_edge(interpreter->input(i), &info->input[i]);
    }
    for (uint8_t i = 0; fit && i < info->outputs; i++) {
        fit = is_edge(interpreter->output(i), &info->output[i]);
    }
    return fit;
}

} // namespace

int nn_init(void) {
    if (interpreter != nullptr) {
        return 0;
    }
    const tflite::MicroOpResolver *resolver = nn_tflm_resolver();
    const tflite::Model *model = tflite::GetModel(nn_tflm_model);
    if (resolver == nullptr || model->version() != TFLITE_SCHEMA_VERSION) {
        return -1;
    }
    const size_t size = reinterpret_cast<size_t>(nn_tflm_arena_bytes);
    interpreter = new (place) tflite::MicroInterpreter(model, *resolver, nn_tflm_arena, size);
    if (interpreter->AllocateTensors() != kTfLiteOk || !edges_fit(nn_info())) {
        interpreter = nullptr;
        return -2;
    }
    return 0;
}

void nn_reset(void) {
    if (interpreter != nullptr) {
        interpreter->Reset();
    }
}

int nn_invoke(void) {
    if (interpreter == nullptr) {
        return -1;
    }
    const nn_info_t *info = nn_info();
    for (uint8_t i = 0; i < info->inputs; i++) {
        TfLiteTensor *tensor = interpreter->input(i);
        if (given[i] != nullptr) {
            fill(tensor, &info->input[i], given[i]);
        } else if (tensor->type == kTfLiteFloat32) {
            fill(tensor, &info->input[i], tensor->data.int8);
        }
    }
    if (interpreter->Invoke() != kTfLiteOk) {
        return -2;
    }
    for (uint8_t i = 0; i < info->outputs; i++) {
        narrow(interpreter->output(i), &info->output[i]);
    }
    return 0;
}

/* The interpreter keeps no rows of a window. */
int nn_slide(uint32_t rows) {
    (void)rows;
    return nn_invoke();
}

int8_t *nn_input(int i) {
    given[i] = nullptr;
    return interpreter->input(static_cast<size_t>(i))->data.int8;
}

void nn_set_input(int i, const int8_t *data) {
    given[i] = data;
}

const int8_t *nn_output(int i) {
    return interpreter->output(static_cast<size_t>(i))->data.int8;
}

/* TensorFlow Lite Micro needs a clock for profilers. No profiler is used here. */
namespace tflite {

uint32_t ticks_per_second() {
    return 0;
}

uint32_t GetCurrentTimeTicks() {
    return 0;
}

} // namespace tflite

/* Called when an invariant of the library is broken. newlib's version would bring signals and a
 * heap. A fault is reported and resets the board. */
void abort(void) {
    __builtin_trap();
}

/* Returns the bytes of the arena in use. The linking step calls it. */
extern "C" uint32_t nn_tflm_used(void) {
    return static_cast<uint32_t>(interpreter->arena_used_bytes());
}
