/* race.c: two threads on one object, every two of its calls, for ThreadSanitizer.

   Built and run by .ci/race. Objects are built as pylstm/_core/ builds them: shape, layout, zeroed
   buffers, prepare. Two threads make calls of one object, each under the object's lock, while
   helpers of a team take pieces of loops; a call that finds the object taken is refused and
   counted. Whoever holds the lock writes down what is called. Afterwards the same calls, one after
   the other, alone and without a team, must bring a fresh object to the same bits: what came out of
   the race is what some order of whole calls gives, and no call was torn, lost or made twice. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simd/isa.h"
#include "threads/lock.h"
#include "threads/team.h"

enum {
    CALLS = 8,
    N_HELPERS = 2,
    N_STREAMS = 5,
    N_NETS = 20,
    STEPS = 5,
    SHORT_RECORD = 16,
    MOST = 4096
};

static const pylstm_isa *isa;
static pylstm_team team;
static int stop;
static long refused, made;

/* Numbers in [-1, 1) that follow from a seed. */
static double draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / (1 << 23) - 1;
}

static void fill(void *to, int precision, ptrdiff_t n, uint32_t *seed, double range)
{
    for (ptrdiff_t j = 0; j < n; j++)
        if (precision == PYLSTM_FLOAT32)
            ((float *)to)[j] = (float)(range * draw(seed));
        else
            ((double *)to)[j] = range * draw(seed);
}

static uint64_t digest(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *from = data;
    uint64_t word;
    for (; bytes >= sizeof(word); bytes -= sizeof(word), from += sizeof(word)) {
        memcpy(&word, from, sizeof(word));
        hash = (hash ^ word) * UINT64_C(1099511628211);
        hash ^= hash >> 29;
    }
    for (size_t j = 0; j < bytes; j++)
        hash = (hash ^ from[j]) * UINT64_C(1099511628211);
    return hash;
}

/* ---------------------------------------------------------------- what is raced for */

typedef struct object object;

/* A kind of object: how to build one, and its calls, which are made under its lock. */
typedef struct {
    const char *name;
    void (*build)(object *);
    int n_calls;
    void (*call)(object *, int which, uint32_t seed);
    uint64_t (*bits)(const object *);
    int with_owner; /* calls from this one on take the owner of the streams alone */
} kind;

struct object {
    const kind *is;
    pylstm_network net;
    const pylstm_table *table;
    pylstm_streams streams;
    const pylstm_streams_table *streams_table;
    pylstm_population pop;
    const pylstm_population_table *pop_table;
    ptrdiff_t *place;
    pylstm_recurrent plain;
    double rates[4];
    int use_team;
    int n_log, log[MOST]; /* the calls made, in their order; written under the lock */
    uint32_t seeds[MOST];
    void *allocated[64];
    int n_allocated;
};

/* Zeros from the start of a cache line on. */
static void *get(object *o, ptrdiff_t count, size_t size)
{
    char *memory = calloc(1, (size_t)count * size + PYLSTM_ALIGNMENT);
    if (!memory)
        abort();
    o->allocated[o->n_allocated++] = memory;
    return memory + -(uintptr_t)memory % PYLSTM_ALIGNMENT;
}

static void build(object *o, const kind *is)
{
    memset(o, 0, sizeof(object));
    o->is = is;
    is->build(o);
}

static void drop(object *o)
{
    for (int j = 0; j < o->n_allocated; j++)
        free(o->allocated[j]);
}

static pylstm_team *borrow(const object *o)
{
    return o->use_team && pylstm_team_acquire(&team) ? &team : NULL;
}

static void give_back(pylstm_team *borrowed)
{
    if (borrowed)
        pylstm_team_release(borrowed);
}

/* ---------------------------------------------------------------- networks */

static size_t number_size(int precision)
{
    return precision == PYLSTM_FLOAT32 ? sizeof(float) : sizeof(double);
}

static void shape(pylstm_shape *s, int precision, ptrdiff_t n_inputs, ptrdiff_t n_blocks)
{
    s->n_inputs = n_inputs;
    s->n_outputs = 2;
    s->n_blocks = n_blocks;
    s->block_size = 1;
    s->input_gate = s->forget_gate = s->output_gate = s->cell_recurrence = s->output_bias = 1;
    s->hidden_bias = PYLSTM_BIAS_ALL;
    s->cell_input = s->cell_output = PYLSTM_TANH;
    s->output = PYLSTM_IDENTITY;
    s->loss = PYLSTM_SQUARED;
    s->precision = precision;
    s->large_from = PTRDIFF_MAX;
}

/* What a network is built from, but for what a test changes of it. */
static void plan(pylstm_network *n, int precision, ptrdiff_t n_inputs, ptrdiff_t n_blocks)
{
    shape(&n->shape, precision, n_inputs, n_blocks);
    n->optimizer.rule = PYLSTM_SGD;
    n->optimizer.learning_rate = 0.01;
    n->optimizer.decay = 1;
    n->optimizer.epsilon = 1e-8;
    n->optimizer.kappa = 2;
}

static void build_network(object *o)
{
    pylstm_network *n = &o->net;
    const size_t size = number_size(n->shape.precision);
    uint32_t seed = 7;
    if (!pylstm_network_layout(&n->shape, &n->layout))
        abort();
    n->layout.most_pending = SHORT_RECORD; /* so that it is full now and then */
    n->buffers.record_rows = SHORT_RECORD + 2;
    o->table = isa->engine[n->shape.precision]->network;
    n->buffers.parameters = get(o, n->layout.parameter_size, size);
    n->buffers.gradient = get(o, n->layout.parameter_size, size);
    n->buffers.eligibility = get(o, n->layout.parameter_size, size);
    n->optimizer.moments[0] = get(o, n->layout.parameter_size, size);
    n->optimizer.moments[1] = get(o, n->layout.parameter_size, size);
    n->buffers.traces = get(o, n->layout.trace_size, size);
    n->buffers.sensitivities = get(o, n->layout.sensitivity_size, size);
    n->buffers.record = get(o, n->buffers.record_rows * n->layout.record_width, size);
    n->buffers.back = get(o, n->layout.back_size, size);
    n->buffers.work = get(o, n->layout.work_size, size);
    n->buffers.live = get(o, n->shape.n_inputs, sizeof(int32_t));
    n->buffers.listed = get(o, n->shape.n_inputs, sizeof(int32_t));
    n->buffers.tokens = get(o, n->buffers.record_rows + 1, sizeof(int32_t));
    o->table->prepare(n);
    o->table->reset(n);
    /* rows of W have no padding between the sources of a small network, panels of a large one are
       padded to whole lines: the readout's rows are the ones to leave alone */
    for (ptrdiff_t p = 0; p < n->layout.n_panels; p++)
        for (ptrdiff_t m = 0; m < n->layout.n_sources; m++) {
            const ptrdiff_t at = (p * n->layout.n_sources + m) * n->layout.panel_rows;
            const ptrdiff_t rows = n->layout.large ? n->layout.n_cells : n->layout.n_rows;
            fill((char *)n->buffers.parameters + (size_t)at * size, n->shape.precision, rows, &seed,
                 0.1);
        }
    for (ptrdiff_t k = 0; k < n->shape.n_outputs; k++)
        fill((char *)n->buffers.parameters +
                 (size_t)(n->layout.at_output + k * n->layout.out_stride) * size,
             n->shape.precision, n->layout.n_out_sources, &seed, 0.1);
}

enum {
    STEP,
    STEP_AND_LEARN,
    PREDICT,
    LEARN,
    LEARN_LATER,
    LEARN_FROM,
    UPDATE,
    RUN,
    RUN_TO_END,
    RESET,
    COLLECT,
    TOKEN,
    WRITE_BACK,
    CHECK,
    N_NETWORK_CALLS, /* of every gradient, up to here */
    TRACE_FROM = N_NETWORK_CALLS,
    REINFORCE,
    SETTLE,
    N_TRUNCATED_CALLS
};

static void call_network(object *o, int which, uint32_t seed)
{
    pylstm_network *n = &o->net;
    const pylstm_table *table = o->table;
    double x[STEPS * 64], t[STEPS * 4], y[STEPS * 4];
    const pylstm_input in = {x, 0}, token = {NULL, (ptrdiff_t)(seed % (uint32_t)n->shape.n_inputs)};
    ptrdiff_t done;
    fill(x, n->shape.precision, STEPS * n->shape.n_inputs, &seed, 1);
    fill(t, n->shape.precision, STEPS * n->shape.n_outputs, &seed, 1);
    n->team = n->layout.large ? borrow(o) : NULL;
    switch (which) {
    case STEP:
        table->step(n, in, NULL, y);
        break;
    case TOKEN:
        table->step(n, token, NULL, y);
        break;
    case STEP_AND_LEARN:
        table->step(n, in, t, y);
        break;
    case PREDICT:
        table->predict(n, in, y);
        break;
    case LEARN:
    case LEARN_LATER:
        if (n->progress.learnable) {
            table->learn(n, t);
            if (which == LEARN)
                table->update(n);
        }
        break;
    case LEARN_FROM:
        if (n->progress.learnable)
            table->learn_from(n, t);
        break;
    case TRACE_FROM:
        if (n->progress.learnable && !n->progress.has_errors && !n->progress.collected)
            table->trace_from(n, t, 0.9);
        break;
    case REINFORCE:
        if (!n->progress.has_errors && !n->progress.collected)
            table->reinforce(n, 0.1);
        break;
    case UPDATE:
        table->update(n);
        break;
    case RUN:
        table->run(n, STEPS, x, NULL, t, y, 1, &done);
        break;
    case RUN_TO_END:
        table->run(n, STEPS, x, NULL, t, y, PYLSTM_UPDATE_AT_END, &done);
        break;
    case RESET:
        table->reset(n);
        break;
    case COLLECT:
        table->collect(n);
        break;
    case SETTLE:
        table->settle(n);
        break;
    case WRITE_BACK:
        table->write_back(n);
        break;
    default:
        table->check_weights(n);
    }
    give_back(n->team);
    n->team = NULL;
}

static uint64_t network_bits(const object *o)
{
    const pylstm_network *n = &o->net;
    const size_t size = number_size(n->shape.precision);
    uint64_t hash = UINT64_C(14695981039346656037);
    hash = digest(hash, n->buffers.parameters, (size_t)n->layout.parameter_size * size);
    hash = digest(hash, n->buffers.gradient, (size_t)n->layout.parameter_size * size);
    hash = digest(hash, n->buffers.eligibility, (size_t)n->layout.parameter_size * size);
    hash = digest(hash, n->optimizer.moments[0], (size_t)n->layout.parameter_size * size);
    hash = digest(hash, n->buffers.traces, (size_t)n->layout.trace_size * size);
    hash = digest(hash, n->buffers.sensitivities, (size_t)n->layout.sensitivity_size * size);
    hash = digest(hash, n->buffers.record,
                  (size_t)((n->progress.n_pending + 1) * n->buffers.record_stride) * size);
    hash = digest(hash, &n->progress.n_steps, sizeof(n->progress.n_steps));
    hash = digest(hash, &n->optimizer.n_updates, sizeof(n->optimizer.n_updates));
    return digest(hash, &n->progress.n_pending, sizeof(n->progress.n_pending));
}

static void build_small(object *o)
{
    plan(&o->net, PYLSTM_FLOAT32, 3, 4);
    o->net.shape.block_size = 2;
    o->net.shape.peepholes = o->net.shape.shortcut = o->net.shape.gate_recurrence = 1;
    o->net.optimizer.rule = PYLSTM_ADAM;
    o->net.optimizer.first = 0.9;
    o->net.optimizer.second = 0.99;
    build_network(o);
}

static void build_large(object *o)
{
    plan(&o->net, PYLSTM_FLOAT64, 5, 24);
    o->net.shape.large_from = 500;
    o->net.optimizer.rule = PYLSTM_MOMENTUM;
    o->net.optimizer.first = 0.5;
    build_network(o);
    if (!o->net.layout.large || o->net.layout.lazy)
        abort();
}

static void build_lazy(object *o)
{
    plan(&o->net, PYLSTM_FLOAT32, 5, 40);
    o->net.shape.large_from = 1;
    build_network(o);
    if (!o->net.layout.lazy)
        abort();
}

static void build_bptt(object *o)
{
    plan(&o->net, PYLSTM_FLOAT64, 4, 20);
    o->net.shape.method = PYLSTM_BPTT;
    o->net.shape.window = 6;
    o->net.shape.large_from = 1;
    build_network(o);
}

static void build_rtrl(object *o)
{
    plan(&o->net, PYLSTM_FLOAT64, 3, 16);
    o->net.shape.method = PYLSTM_RTRL;
    o->net.shape.large_from = 1;
    build_network(o);
}

/* ---------------------------------------------------------------- streams, and the network of
 * theirs */

static void build_streams(object *o)
{
    pylstm_streams *s = &o->streams;
    pylstm_network *n = &s->net;
    size_t size;
    build_large(o);
    size = number_size(o->net.shape.precision);
    o->net.watched = 1; /* somebody holds the weights: the streams */
    s->n_streams = N_STREAMS;
    if (!pylstm_streams_layout(s, &o->net))
        abort();
    s->record_steps = s->most_steps = SHORT_RECORD;
    s->record_size = (SHORT_RECORD + 2) * N_STREAMS * n->layout.record_width;
    s->block_steps = s->block_steps < SHORT_RECORD ? s->block_steps : SHORT_RECORD;
    s->steps_ahead = s->steps_ahead < SHORT_RECORD ? s->steps_ahead : SHORT_RECORD;
    o->streams_table = isa->engine[n->shape.precision]->streams;
    n->buffers.parameters = o->net.buffers.parameters;
    n->buffers.gradient = get(o, n->layout.parameter_size, size);
    n->buffers.traces = get(o, s->traces_size, size);
    n->buffers.record = get(o, s->record_size, size);
    n->buffers.back = get(o, n->layout.back_size, size);
    n->buffers.work = get(o, s->work_size, size);
    s->nets = get(o, s->nets_size, size);
    s->coefs = get(o, s->coefs_size, size);
    s->n_made = get(o, N_STREAMS, sizeof(ptrdiff_t));
    s->has_error = get(o, N_STREAMS, sizeof(int));
    s->stream = get(o, N_STREAMS, sizeof(pylstm_network));
    o->streams_table->prepare(s);
}

enum {
    S_STEP,
    S_STEP_AND_LEARN,
    S_PREDICT,
    S_LEARN,
    S_LEARN_LATER,
    S_LEARN_FROM,
    S_UPDATE,
    S_RUN,
    S_RUN_TO_END,
    S_RESET,
    S_CHECK,
    N_STREAMS_CALLS
};

static void call_streams(object *o, int which, uint32_t seed)
{
    pylstm_streams *s = &o->streams;
    const pylstm_streams_table *table = o->streams_table;
    const double error = s->net.optimizer.error;
    double x[STEPS * N_STREAMS * 8], t[STEPS * N_STREAMS * 2], y[STEPS * N_STREAMS * 2];
    double losses[N_STREAMS];
    unsigned char chosen[N_STREAMS];
    ptrdiff_t done;
    if (which >= N_STREAMS_CALLS) {
        call_network(o, which - N_STREAMS_CALLS, seed);
        return;
    }
    fill(x, s->net.shape.precision, STEPS * N_STREAMS * s->net.shape.n_inputs, &seed, 1);
    fill(t, s->net.shape.precision, STEPS * N_STREAMS * 2, &seed, 1);
    for (int b = 0; b < N_STREAMS; b++)
        chosen[b] = draw(&seed) > 0;
    /* as StreamGroup.take does */
    s->net.optimizer = o->net.optimizer;
    s->net.optimizer.error = error;
    for (int b = 0; b < N_STREAMS; b++)
        s->stream[b].optimizer.rule = o->net.optimizer.rule;
    s->team = borrow(o);
    if (which == S_LEARN || which == S_LEARN_LATER || which == S_LEARN_FROM)
        for (int b = 0; b < N_STREAMS; b++)
            if (!s->stream[b].progress.learnable)
                t[2 * b] = t[2 * b + 1] = NAN;
    switch (which) {
    case S_STEP:
        table->step(s, x, y);
        break;
    case S_STEP_AND_LEARN:
        if (table->step(s, x, y) == PYLSTM_OK) {
            table->learn(s, t, losses);
            table->update(s);
        }
        break;
    case S_PREDICT:
        table->predict(s, x, y);
        break;
    case S_LEARN:
    case S_LEARN_LATER:
        table->learn(s, t, losses);
        if (which == S_LEARN)
            table->update(s);
        break;
    case S_LEARN_FROM:
        table->learn_from(s, t);
        break;
    case S_UPDATE:
        table->update(s);
        break;
    case S_RUN:
        table->run(s, STEPS, x, t, y, 1, &done);
        break;
    case S_RUN_TO_END:
        table->run(s, STEPS, x, t, y, PYLSTM_UPDATE_AT_END, &done);
        break;
    case S_RESET:
        table->reset(s, chosen);
        break;
    default:
        table->check_weights(s);
    }
    o->net.optimizer.n_updates = s->net.optimizer.n_updates;
    give_back(s->team);
    s->team = NULL;
}

static uint64_t streams_bits(const object *o)
{
    const pylstm_streams *s = &o->streams;
    const size_t size = number_size(s->net.shape.precision);
    const size_t rows =
        (size_t)((s->net.progress.n_pending + 1) * N_STREAMS * s->net.buffers.record_stride);
    uint64_t hash = network_bits(o);
    hash = digest(hash, s->net.buffers.gradient, (size_t)s->net.layout.parameter_size * size);
    hash = digest(hash, s->net.buffers.traces, (size_t)s->traces_size * size);
    hash = digest(hash, s->net.buffers.record, rows * size);
    return digest(hash, &s->net.progress.n_steps, sizeof(s->net.progress.n_steps));
}

/* ---------------------------------------------------------------- a population */

static void build_population(object *o)
{
    pylstm_population *p = &o->pop;
    uint32_t seed = 5;
    size_t size, line;
    pylstm_record record;
    shape(&p->shape, PYLSTM_FLOAT32, 3, 4);
    p->n_nets = N_NETS;
    p->rule = PYLSTM_MOMENTUM;
    if (!pylstm_population_layout(p) || !pylstm_record_layout(p, 0, &record))
        abort();
    o->pop_table = isa->engine[p->shape.precision]->population;
    size = number_size(p->shape.precision);
    line = (size_t)p->lanes * size;
    p->parameters = get(o, p->n_groups * p->parameter_lines, line);
    p->gradient = get(o, p->n_groups * p->parameter_lines, line);
    p->moments[0] = get(o, p->n_groups * p->parameter_lines, line);
    p->traces = get(o, p->n_groups * p->trace_lines, line);
    p->steps = get(o, p->n_groups * p->step_lines, line);
    p->work = get(o, p->n_groups * p->work_lines, line);
    p->rules = get(o, p->n_groups * PYLSTM_RULE_LINES, line);
    p->optimizers = get(o, p->n_groups * p->lanes, sizeof(pylstm_optimizer));
    p->plain = get(o, p->n_groups, sizeof(uint32_t));
    p->varying = get(o, p->n_groups, sizeof(uint32_t));
    p->whole = get(o, p->n_groups, sizeof(uint32_t));
    p->n_updates = get(o, p->n_groups * p->lanes, sizeof(int64_t));
    p->errors = get(o, p->n_groups * p->lanes, sizeof(double));
    p->record = get(o, p->n_groups * record.lines, line);
    p->groups = get(o, p->n_groups, sizeof(pylstm_group));
    p->n_steps = get(o, p->n_groups * p->lanes, sizeof(int64_t));
    p->n_collect = get(o, p->n_groups * p->lanes, sizeof(int64_t));
    o->place = get(o, p->n_groups * p->lanes, sizeof(ptrdiff_t));
    for (ptrdiff_t k = 0; k < p->n_groups * p->lanes; k++)
        o->place[k] = k < N_NETS ? k : -1;
    fill(p->parameters, p->shape.precision, p->n_groups * p->parameter_lines * p->lanes, &seed,
         0.1);
    for (ptrdiff_t k = 0; k < p->n_groups * p->lanes; k++) {
        float *rule =
            (float *)p->rules + k / p->lanes * PYLSTM_RULE_LINES * p->lanes + k % p->lanes;
        p->optimizers[k].rule = PYLSTM_MOMENTUM;
        rule[PYLSTM_RATE * p->lanes] = 0.01f;
        rule[PYLSTM_GAIN * p->lanes] = rule[PYLSTM_KEPT * p->lanes] = 1;
        rule[PYLSTM_SHRINK * p->lanes] = 1;
        rule[PYLSTM_FIRST_PART * p->lanes] = 0.5f;
        rule[PYLSTM_LIMIT * p->lanes] = INFINITY;
    }
}

enum {
    P_STEP,
    P_PREDICT,
    P_LEARN,
    P_LEARN_FROM,
    P_UPDATE,
    P_RUN,
    P_RUN_TO_END,
    P_RESET,
    P_SETTLE,
    P_SEQUENCES,
    P_SEQUENCES_OF_STEPS,
    N_POPULATION_CALLS
};

static void call_population(object *o, int which, uint32_t seed)
{
    pylstm_population *p = &o->pop;
    const pylstm_population_table *table = o->pop_table;
    const ptrdiff_t lengths[2] = {2, STEPS - 2};
    double x[STEPS * 8], t[STEPS * 2], losses[N_NETS];
    double y[N_NETS * STEPS * 2];
    pylstm_population_call call = {.place = o->place, .n_steps = STEPS, .X = x, .every = 1};
    uint32_t able = 1;
    call.targets = t;
    call.all_targets = 1;
    call.Y = y;
    call.losses = losses;
    call.n_sequences = 2;
    call.lengths = lengths;
    fill(x, p->shape.precision, STEPS * p->shape.n_inputs, &seed, 1);
    fill(t, p->shape.precision, STEPS * p->shape.n_outputs, &seed, 1);
    for (ptrdiff_t k = 0; k < N_NETS; k++)
        able &= p->groups[k / p->lanes].learnable >> (k % p->lanes) & 1;
    p->team = borrow(o);
    switch (which) {
    case P_STEP:
        call.n_steps = 1;
        table->run(p, &call);
        break;
    case P_PREDICT:
        table->predict(p, &call);
        break;
    case P_LEARN:
        if (able)
            table->learn(p, &call);
        break;
    case P_LEARN_FROM:
        if (able)
            table->learn_from(p, &call);
        break;
    case P_UPDATE:
        table->update(p, &call);
        break;
    case P_RUN:
        table->run(p, &call);
        break;
    case P_RUN_TO_END:
        call.every = PYLSTM_UPDATE_AT_END;
        table->run(p, &call);
        break;
    case P_RESET:
        table->reset(p, &call);
        break;
    case P_SETTLE:
        table->settle(p, &call);
        break;
    case P_SEQUENCES:
        call.every = PYLSTM_UPDATE_AT_END;
        table->run_sequences(p, &call);
        break;
    default:
        table->run_sequences(p, &call);
    }
    give_back(p->team);
    p->team = NULL;
}

static uint64_t population_bits(const object *o)
{
    const pylstm_population *p = &o->pop;
    const size_t line = (size_t)p->lanes * number_size(p->shape.precision);
    const size_t weights = (size_t)(p->n_groups * p->parameter_lines) * line;
    uint64_t hash = UINT64_C(14695981039346656037);
    hash = digest(hash, p->parameters, weights);
    hash = digest(hash, p->gradient, weights);
    hash = digest(hash, p->moments[0], weights);
    hash = digest(hash, p->traces, (size_t)(p->n_groups * p->trace_lines) * line);
    hash = digest(hash, p->steps, (size_t)(p->n_groups * p->step_lines) * line);
    hash = digest(hash, p->groups, (size_t)p->n_groups * sizeof(pylstm_group));
    return digest(hash, p->n_steps, (size_t)(p->n_groups * p->lanes) * sizeof(int64_t));
}

/* ---------------------------------------------------------------- plain recurrent networks */

static void build_plain(object *o, int rtrl)
{
    pylstm_recurrent *r = &o->plain;
    uint32_t seed = 3;
    r->n_inputs = 3;
    r->n_outputs = 2;
    r->n_units = 5;
    r->rtrl = rtrl;
    r->readout = r->shortcut = r->hidden_bias = r->output_bias = 1;
    r->squashing = PYLSTM_TANH;
    r->output = PYLSTM_LOGISTIC;
    r->loss = PYLSTM_SQUARED;
    r->window = rtrl ? 0 : 4;
    r->learning_rate = 0.1;
    r->momentum = 0.5;
    r->p_zero = 1;
    if (!pylstm_recurrent_layout(r))
        abort();
    r->capacity = r->window + 32;
    r->parameters = get(o, r->parameter_size, sizeof(double));
    r->gradient = get(o, r->parameter_size, sizeof(double));
    r->velocity = get(o, r->parameter_size, sizeof(double));
    r->tau = get(o, r->n_units, sizeof(double));
    r->sensitivity = get(o, r->sensitivity_size, sizeof(double));
    r->net_out = get(o, 2 * r->n_outputs, sizeof(double));
    r->y = get(o, 2 * r->n_outputs, sizeof(double));
    r->delta = get(o, r->n_outputs, sizeof(double));
    r->work = get(o, r->work_size, sizeof(double));
    r->record = get(o, (r->capacity + 2) * r->row_size, sizeof(double));
    r->tokens = get(o, r->capacity + 2, sizeof(int32_t));
    for (ptrdiff_t j = 0; j < r->capacity + 2; j++)
        r->tokens[j] = -1;
    fill(r->parameters, PYLSTM_FLOAT64, r->n_sources * r->n_units, &seed, 0.1);
    fill(r->parameters + r->at_output, PYLSTM_FLOAT64, r->n_out_sources * r->n_outputs, &seed, 0.1);
}

static void build_plain_rtrl(object *o)
{
    build_plain(o, 1);
}

static void build_plain_bptt(object *o)
{
    build_plain(o, 0);
}

enum {
    R_RESET,
    R_PREDICT,
    R_LEARN,
    R_UPDATE,
    R_COLLECT,
    R_RUN,
    R_STEP,
    R_SEQUENCES,
    R_CHECK,
    N_PLAIN_CALLS
};

static void call_plain(object *o, int which, uint32_t seed)
{
    pylstm_recurrent *r = &o->plain;
    const pylstm_recurrent_table *table = isa->engine[PYLSTM_FLOAT64]->recurrent;
    const ptrdiff_t lengths[2] = {2, STEPS - 2};
    double x[STEPS * 4], t[STEPS * 2], y[STEPS * 2];
    const pylstm_input in = {x, 0};
    fill(x, PYLSTM_FLOAT64, STEPS * r->n_inputs, &seed, 1);
    fill(t, PYLSTM_FLOAT64, STEPS * r->n_outputs, &seed, 1);
    switch (which) {
    case R_RESET:
        table->reset(r);
        break;
    case R_PREDICT:
        table->predict(r, in);
        break;
    case R_LEARN:
        if (r->learnable)
            table->learn(r, t);
        break;
    case R_UPDATE:
        table->update(r);
        break;
    case R_COLLECT:
        table->collect(r);
        break;
    case R_RUN:
        table->run(r, STEPS, x, NULL, t, y, 1, 0);
        break;
    case R_STEP:
        table->run(r, 1, x, NULL, NULL, y, 1, 0);
        break;
    case R_SEQUENCES:
        table->run_sequences(r, 2, lengths, x, NULL, t, y, PYLSTM_UPDATE_AT_END, 0);
        break;
    default:
        table->check_weights(r);
    }
}

static uint64_t plain_bits(const object *o)
{
    const pylstm_recurrent *r = &o->plain;
    const size_t weights = (size_t)r->parameter_size * sizeof(double);
    uint64_t hash = UINT64_C(14695981039346656037);
    hash = digest(hash, r->parameters, weights);
    hash = digest(hash, r->gradient, weights);
    hash = digest(hash, r->velocity, weights);
    hash = digest(hash, r->sensitivity, (size_t)r->sensitivity_size * sizeof(double));
    hash = digest(hash, r->record, (size_t)((r->n_recorded + 1) * r->row_size) * sizeof(double));
    return digest(hash, &r->n_steps, sizeof(r->n_steps));
}

/* ---------------------------------------------------------------- the race */

enum { NEVER = 1 << 30 };
static const kind kinds[] = {
    {"small network", build_small, N_TRUNCATED_CALLS, call_network, network_bits, NEVER},
    {"large network", build_large, N_TRUNCATED_CALLS, call_network, network_bits, NEVER},
    {"lazy network", build_lazy, N_TRUNCATED_CALLS, call_network, network_bits, NEVER},
    {"network, bptt", build_bptt, N_NETWORK_CALLS, call_network, network_bits, NEVER},
    {"network, rtrl", build_rtrl, N_NETWORK_CALLS, call_network, network_bits, NEVER},
    {"streams and their network", build_streams, N_STREAMS_CALLS + N_TRUNCATED_CALLS, call_streams,
     streams_bits, N_STREAMS_CALLS},
    {"population", build_population, N_POPULATION_CALLS, call_population, population_bits, NEVER},
    {"plain network, rtrl", build_plain_rtrl, N_PLAIN_CALLS, call_plain, plain_bits, NEVER},
    {"plain network, bptt", build_plain_bptt, N_PLAIN_CALLS, call_plain, plain_bits, NEVER},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* The lock of an object, as the seam takes it: 1 when it was free. */
static int take(object *o, int which)
{
    if (o->is->call == call_streams) {
        if (which < o->is->with_owner && !pylstm_acquire(&o->streams.net))
            return 0;
        if (pylstm_acquire(&o->net))
            return 1;
        if (which < o->is->with_owner)
            pylstm_release(&o->streams.net);
        return 0;
    }
    if (o->is->call == call_population)
        return pylstm_take(&o->pop.busy);
    if (o->is->call == call_plain)
        return pylstm_take(&o->plain.busy);
    return pylstm_acquire(&o->net);
}

static void release(object *o, int which)
{
    if (o->is->call == call_population)
        pylstm_give(&o->pop.busy);
    else if (o->is->call == call_plain)
        pylstm_give(&o->plain.busy);
    else
        pylstm_release(&o->net);
    if (o->is->call == call_streams && which < o->is->with_owner)
        pylstm_release(&o->streams.net);
}

typedef struct {
    object *o;
    int which, also; /* the calls it makes: mostly the first, and now and then the other */
    uint32_t seed;
    long refused;
    pthread_barrier_t *start;
} racer;

static void *run_racer(void *given)
{
    racer *r = given;
    pthread_barrier_wait(r->start);
    for (int k = 0; k < CALLS; k++) {
        const int which = k % 4 == 3 ? r->also : r->which;
        const uint32_t seed = (r->seed = r->seed * 22695477u + 1);
        if (!take(r->o, which)) {
            r->refused++;
            sched_yield();
            continue;
        }
        r->o->log[r->o->n_log] = which;
        r->o->seeds[r->o->n_log++] = seed;
        r->o->is->call(r->o, which, seed);
        release(r->o, which);
    }
    return NULL;
}

/* Whether the calls written down, made one after the other, give the same bits. */
static int replay(object *o, const char *a, int call_a, int call_b)
{
    static object again;
    int same;
    build(&again, o->is);
    for (int k = 0; k < o->n_log; k++)
        again.is->call(&again, o->log[k], o->seeds[k]);
    same = again.is->bits(&again) == o->is->bits(o);
    drop(&again);
    if (!same)
        fprintf(stderr, "%s, calls %d and %d: %d calls in their order give other bits\n", a, call_a,
                call_b, o->n_log);
    return same;
}

/* Two threads, on one object or each on its own; a and b: the calls they make. */
static int race(object *first, object *second, int a, int b, uint32_t seed)
{
    pthread_t threads[2];
    pthread_barrier_t start;
    racer racers[2] = {{first, a, b, seed, 0, &start}, {second, b, b, seed + 1, 0, &start}};
    int fine;
    if (first != second) /* each keeps to the calls of its kind */
        racers[0].also = a;
    pthread_barrier_init(&start, NULL, 2);
    for (int k = 0; k < 2; k++)
        pthread_create(&threads[k], NULL, run_racer, &racers[k]);
    for (int k = 0; k < 2; k++)
        pthread_join(threads[k], NULL);
    pthread_barrier_destroy(&start);
    refused += racers[0].refused + racers[1].refused;
    made += first->n_log + (first == second ? 0 : second->n_log);
    fine = replay(first, first->is->name, a, b);
    return first == second ? fine : replay(second, second->is->name, a, b) && fine;
}

static void *run_helper(void *nothing)
{
    (void)nothing;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        pylstm_help(&team, 200);
        nanosleep(&(struct timespec){0, 20000}, NULL); /* the racers need the cores too */
    }
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Two kinds, each with a call; the same kind twice: one object, else each thread has its own. */
typedef struct {
    int first, second, a, b;
} pairing;

static ptrdiff_t list_pairings(pairing *pairs)
{
    ptrdiff_t n = 0;
    for (int k = 0; k < N_KINDS; k++)
        for (int a = 0; a < kinds[k].n_calls; a++)
            for (int b = a; b < kinds[k].n_calls; b++)
                pairs[n++] = (pairing){k, k, a, b};
    for (int k = 0; k < N_KINDS; k++) /* two owners of one team */
        for (int other = k + 1; other < N_KINDS; other++)
            pairs[n++] = (pairing){k, other, (k + other) % kinds[k].n_calls,
                                   k * other % kinds[other].n_calls};
    return n;
}

static void shuffle(pairing *pairs, ptrdiff_t n, uint32_t *seed)
{
    for (ptrdiff_t k = n - 1; k > 0; k--) {
        const ptrdiff_t j = (ptrdiff_t)((draw(seed) + 1) / 2 * (double)(k + 1));
        const pairing at_k = pairs[k];
        pairs[k] = pairs[j];
        pairs[j] = at_k;
    }
}

/* race [SECONDS [SEED]]: pairings in a random order, again and again, for so long. */
int main(int n_arguments, char **arguments)
{
    static object one, other;
    static pairing pairs[4096];
    const double end = now() + (n_arguments > 1 ? atof(arguments[1]) : 30);
    const uint32_t first_seed =
        n_arguments > 2 ? (uint32_t)strtoul(arguments[2], NULL, 10) : (uint32_t)time(NULL);
    const ptrdiff_t n_pairs = list_pairings(pairs);
    pthread_t helpers[N_HELPERS];
    ptrdiff_t n_races = 0;
    int fine = 1;
    uint32_t seed = first_seed;
    for (int k = 0; k < pylstm_n_isas; k++)
        if (pylstm_isas[k].supported())
            isa = &pylstm_isas[k];
    pylstm_team_resize(&team, N_HELPERS + 1);
    for (int k = 0; k < N_HELPERS; k++)
        pthread_create(&helpers[k], NULL, run_helper, NULL);
    for (; fine && now() < end; n_races++) {
        if (n_races % n_pairs == 0)
            shuffle(pairs, n_pairs, &seed);
        const pairing p = pairs[n_races % n_pairs];
        object *second = p.first == p.second ? &one : &other;
        build(&one, &kinds[p.first]);
        if (second == &other)
            build(&other, &kinds[p.second]);
        one.use_team = second->use_team = 1;
        fine = race(&one, second, p.a, p.b, seed += 2);
        pylstm_team_resize(&team, 2 + (int)(n_races % N_HELPERS)); /* it may change at any time */
        drop(&one);
        if (second == &other)
            drop(&other);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int k = 0; k < N_HELPERS; k++)
        pthread_join(helpers[k], NULL);
    printf("race: %td of %td pairs of calls, %ld calls made, %ld refused, %s, seed %lu: %s\n",
           n_races < n_pairs ? n_races : n_pairs, n_pairs, made, refused, isa->name,
           (unsigned long)first_seed, fine ? "right or refused" : "TORN");
    return fine ? 0 : 1;
}
