#include "statistics.h"

#include "app.h"
#include "load.h"

typedef struct {
    uint32_t hops, scored, level;
    uint32_t feature_us, feature_max_us, infer_us, infer_max_us, pdm_us;
} period_t;

static period_t now;

/* The last whole second, ready to send. */
static struct {
    period_t period;
    uint32_t t_ms, hops_total, cpu_thousandths;
} last;

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t mean(uint32_t sum, uint32_t count) {
    return count ? (sum + count / 2) / count : 0;
}

void statistics_hop(const listen_result_t *results) {
    const listen_result_t *result = results;
    now.hops++;
    now.level = larger(now.level, result->level);
    now.feature_us += result->feature_us;
    now.feature_max_us = larger(now.feature_max_us, result->feature_us);
    uint32_t infer_us = 0;
    bool scored = false;
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        infer_us += results[model].infer_us;
        scored |= results[model].scored;
    }
    if (scored) {
        now.scored++;
        now.infer_us += infer_us;
        now.infer_max_us = larger(now.infer_max_us, infer_us);
    }
}

void statistics_pdm(uint32_t us) {
    now.pdm_us += us;
}

void statistics_take(uint32_t t_ms) {
    last.period = now;
    last.t_ms = t_ms;
    last.hops_total += now.hops;
    last.cpu_thousandths = load_take();
    now = (period_t){0};
}

void statistics_send(void) {
    const period_t *p = &last.period;
    json_t *line = wire_begin("stats");
    json_unsigned(line, "t_ms", last.t_ms);
    json_unsigned(line, "hops", last.hops_total);
    json_unsigned(line, "feature_us", mean(p->feature_us, p->hops));
    json_unsigned(line, "feature_max_us", p->feature_max_us);
    json_unsigned(line, "infer_us", mean(p->infer_us, p->scored));
    json_unsigned(line, "infer_max_us", p->infer_max_us);
    json_unsigned(line, "pdm_us", mean(p->pdm_us, p->hops));
    json_thousandths(line, "cpu", last.cpu_thousandths);
    json_thousandths(line, "duty", mean(1000 * p->scored, p->hops));
    json_unsigned(line, "overruns", microphone_overruns());
    json_unsigned(line, "dropped", wire_dropped());
    json_unsigned(line, "stack", board_stack_used());
    json_unsigned(line, "level", p->level);
    wire_end(line);
}
