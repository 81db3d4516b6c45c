"""Network architectures by name. Each needs a line here.

Each is called as function(frames, bands, classes, dropout). It returns an untrained tf_keras Model
with a softmax output.
"""

ARCHITECTURES = {
    "alarm_cnn": "otolith.train.architectures.alarm_cnn:alarm_cnn",
    "bc_resnet": "otolith.train.architectures.bc_resnet:bc_resnet",
    "ds_cnn_m": "otolith.train.architectures.ds_cnn:ds_cnn_m",
    "ds_cnn_s": "otolith.train.architectures.ds_cnn:ds_cnn_s",
    "ds_cnn_stream_l": "otolith.train.architectures.ds_cnn_stream:ds_cnn_stream_l",
    "ds_cnn_stream_m": "otolith.train.architectures.ds_cnn_stream:ds_cnn_stream_m",
    "ds_cnn_stream_s": "otolith.train.architectures.ds_cnn_stream:ds_cnn_stream_s",
    "esc_cnn": "otolith.train.architectures.esc_cnn:esc_cnn",
    "keyword_cnn": "otolith.train.architectures.compact_cnn:keyword_cnn",
    "micro_speech": "otolith.train.architectures.micro_speech:micro_speech",
    "mixed_conv_l": "otolith.train.architectures.mixed_conv:mixed_conv_l",
    "mixed_conv_m": "otolith.train.architectures.mixed_conv:mixed_conv_m",
    "mixed_conv_s": "otolith.train.architectures.mixed_conv:mixed_conv_s",
    "separable_cnn": "otolith.train.architectures.separable_cnn:separable_cnn",
    "smart_lock_cnn": "otolith.train.architectures.smart_lock_cnn:smart_lock_cnn",
    "smart_lock_small": "otolith.train.architectures.compact_cnn:smart_lock_small",
    "speech_cnn": "otolith.train.architectures.speech_cnn:speech_cnn",
    "strided_cnn": "otolith.train.architectures.strided_cnn:strided_cnn",
    "tenet12": "otolith.train.architectures.tenet:tenet12",
    "tenet20": "otolith.train.architectures.tenet:tenet20",
    "tenet6": "otolith.train.architectures.tenet:tenet6",
    "tenet6_narrow": "otolith.train.architectures.tenet:tenet6_narrow",
    "word_cnn_l": "otolith.train.architectures.word_cnn:word_cnn_l",
    "word_cnn_m": "otolith.train.architectures.word_cnn:word_cnn_m",
}
