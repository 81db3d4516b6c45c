#ifdef OTOLITH_USB_MICROPHONE
#include "usb_microphone.h"

#include <string.h>

#include "packetizer.h"
#include "device/usbd_pvt.h"
#include "tusb.h"
#include "usb_port.h"
#include "usb_request_guard.h"
#include "volume.h"

enum { RATE = 16000, NO_SETTING = 0, STREAM_SETTING = 1, MASTER = 0 };

static packetizer_t packetizer;
static uint32_t packets;
static uint8_t setting; /* of the streaming interface */
static bool muted;
static int16_t volume;

/* ---- samples ---- */

void usb_microphone_write(int16_t *pcm, uint32_t samples) {
    if (muted) {
        memset(pcm, 0, samples * sizeof *pcm);
    } else {
        volume_apply(volume, pcm, samples);
    }
    if (usb_microphone_streaming()) {
        packetizer_put(&packetizer, pcm, samples);
    } else { /* a new stream must not begin with the rest of an earlier one */
        packetizer_reset(&packetizer);
    }
}

/* The last packet has left: load the next one. An empty packet means that there is no sound yet. */
bool tud_audio_tx_done_pre_load_cb(uint8_t port, uint8_t function, uint8_t endpoint,
                                   uint8_t alternate) {
    (void)port;
    (void)function;
    (void)endpoint;
    (void)alternate;
    int16_t pcm[PACKETIZER_LARGEST];
    const uint32_t samples = packetizer_take(&packetizer, pcm);
    if (samples > 0) {
        tud_audio_write(pcm, (uint16_t)(samples * sizeof *pcm));
        packets++;
    }
    return true;
}

/* ---- streaming on and off ---- */

bool tud_audio_set_itf_cb(uint8_t port, const tusb_control_request_t *request) {
    (void)port;
    setting = tu_u16_low(request->wValue);
    packetizer_reset(&packetizer);
    return true;
}

/* Drop the packet that waits for the host. TinyUSB's RP2040 driver panics if the endpoint is in
 * use when it is opened again. Opening it ends the stall. */
bool tud_audio_set_itf_close_EP_cb(uint8_t port, const tusb_control_request_t *request) {
    (void)request;
    setting = NO_SETTING;
    packetizer_reset(&packetizer); /* the next stream begins with the next sample */
    usbd_edpt_stall(port, USB_MICROPHONE_ENDPOINT);
    return true;
}

void tud_mount_cb(void) { /* a new configuration begins with setting 0 */
    setting = NO_SETTING;
}

bool usb_microphone_streaming(void) {
    return setting == STREAM_SETTING && tud_ready();
}

bool usb_microphone_muted(void) {
    return muted;
}

int32_t usb_microphone_volume(void) {
    return volume;
}

uint32_t usb_microphone_packets(void) {
    return packets;
}

uint32_t usb_microphone_lost(void) {
    return packetizer.lost;
}

uint32_t usb_microphone_underruns(void) {
    return packetizer.underruns;
}

/* ---- requests to the clock and the volume (Audio Devices 2.0, 5.2) ---- */

/* What a request is about, in one number for switch. */
#define ABOUT(entity, selector, attribute) ((entity) << 16 | (selector) << 8 | (attribute))

static int about(const tusb_control_request_t *request) {
    return ABOUT(tu_u16_high(request->wIndex), tu_u16_high(request->wValue), request->bRequest);
}

static bool answer(uint8_t port, const tusb_control_request_t *request, const void *data,
                   uint16_t size) {
    return tud_audio_buffer_and_schedule_control_xfer(port, request, (void *)(uintptr_t)data, size);
}

bool tud_audio_get_req_entity_cb(uint8_t port, const tusb_control_request_t *request) {
    if (tu_u16_low(request->wValue) != MASTER) {
        return false;
    }
    switch (about(request)) {
    case ABOUT(USB_MICROPHONE_CLOCK, AUDIO_CS_CTRL_SAM_FREQ, AUDIO_CS_REQ_CUR): {
        const audio_control_cur_4_t rate = {.bCur = RATE};
        return answer(port, request, &rate, sizeof rate);
    }
    case ABOUT(USB_MICROPHONE_CLOCK, AUDIO_CS_CTRL_SAM_FREQ, AUDIO_CS_REQ_RANGE): {
        const audio_control_range_4_n_t(1)
            rates = {.wNumSubRanges = 1, .subrange[0] = {.bMin = RATE, .bMax = RATE, .bRes = 0}};
        return answer(port, request, &rates, sizeof rates);
    }
    case ABOUT(USB_MICROPHONE_CLOCK, AUDIO_CS_CTRL_CLK_VALID, AUDIO_CS_REQ_CUR): {
        const audio_control_cur_1_t valid = {.bCur = 1};
        return answer(port, request, &valid, sizeof valid);
    }
    case ABOUT(USB_MICROPHONE_VOLUME, AUDIO_FU_CTRL_MUTE, AUDIO_CS_REQ_CUR): {
        const audio_control_cur_1_t mute = {.bCur = muted};
        return answer(port, request, &mute, sizeof mute);
    }
    case ABOUT(USB_MICROPHONE_VOLUME, AUDIO_FU_CTRL_VOLUME, AUDIO_CS_REQ_CUR): {
        const audio_control_cur_2_t level = {.bCur = volume};
        return answer(port, request, &level, sizeof level);
    }
    case ABOUT(USB_MICROPHONE_VOLUME, AUDIO_FU_CTRL_VOLUME, AUDIO_CS_REQ_RANGE): {
        const audio_control_range_2_n_t(1) levels = {
            .wNumSubRanges = 1,
            .subrange[0] = {.bMin = VOLUME_SMALLEST, .bMax = VOLUME_LARGEST, .bRes = VOLUME_STEP}};
        return answer(port, request, &levels, sizeof levels);
    }
    default:
        return false; /* stalls: there is no such control */
    }
}

bool tud_audio_set_req_entity_cb(uint8_t port, const tusb_control_request_t *request,
                                 uint8_t *data) {
    (void)port;
    if (tu_u16_low(request->wValue) != MASTER) {
        return false;
    }
    switch (about(request)) {
    case ABOUT(USB_MICROPHONE_VOLUME, AUDIO_FU_CTRL_MUTE, AUDIO_CS_REQ_CUR):
        if (request->wLength != 1 || data[0] > 1) {
            return false;
        }
        muted = data[0] != 0;
        return true;
    case ABOUT(USB_MICROPHONE_VOLUME, AUDIO_FU_CTRL_VOLUME, AUDIO_CS_REQ_CUR):
        if (request->wLength != 2) {
            return false;
        }
        volume = volume_nearest((int16_t)tu_unaligned_read16(data));
        return true;
    case ABOUT(USB_MICROPHONE_CLOCK, AUDIO_CS_CTRL_SAM_FREQ, AUDIO_CS_REQ_CUR):
        /* There is only one rate; setting it is allowed and changes nothing. */
        return request->wLength == 4 && tu_unaligned_read32(data) == RATE;
    default:
        return false;
    }
}

/* ---- where TinyUSB 0.18 is too trusting ---- */

static bool is_no_setting(const tusb_control_request_t *request) {
    return request->bmRequestType == 0x01 && request->bRequest == TUSB_REQ_SET_INTERFACE &&
           request->wValue > (tu_u16_low(request->wIndex) == USB_MICROPHONE_STREAM ? 1 : 0);
}

/* TinyUSB's audio class accepts any alternate setting, and TinyUSB itself accepts what a class
 * refuses. */
static bool control(uint8_t port, uint8_t stage, const tusb_control_request_t *request) {
    if (stage == CONTROL_STAGE_SETUP && is_no_setting(request)) {
        return usb_refuse_request(port);
    }
    return audiod_control_xfer_cb(port, stage, request);
}

/* The event "packet sent" may be from before the endpoint was opened again. TinyUSB would then
 * load the next packet on top of one that still waits, and panic. */
static bool packet_gone(uint8_t port, uint8_t endpoint, xfer_result_t result, uint32_t size) {
    return usb_port_packet_waits(endpoint) || audiod_xfer_cb(port, endpoint, result, size);
}

/* TinyUSB asks the drivers given here before its own. */
const usbd_class_driver_t *usbd_app_driver_get_cb(uint8_t *count) {
    static const usbd_class_driver_t driver = {
        .name = "microphone",
        .init = audiod_init,
        .deinit = audiod_deinit,
        .reset = audiod_reset,
        .open = audiod_open,
        .control_xfer_cb = control,
        .xfer_cb = packet_gone,
        .sof = NULL,
    };
    *count = 1;
    return &driver;
}
#endif
