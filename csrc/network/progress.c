/* progress.c: the states that the progress of a network can be in, and the way from one to another.

   A network has a record of `pending` steps, the first `absorbed` of which have changed weights
   that are not yet written (lazy.inc), and a gradient buffer. What there is to know about them:

     learnable   the last step may be learned from: it is in the record, and not absorbed
     errors      a step of the record, not absorbed, has an error that is in no gradient yet
     collected   the gradient buffer holds what no update has used
     closed      the record is used up: what happens next begins with the traces settled; truncated
                 only. An error may still come to its last step, after reinforce or trace_from, and
                 is then collected before the record goes.
     waiting     steps since errors were last sent back (bptt)

   Each verb, what it needs and what it leaves behind (. as it was, - none of it):

     verb             needs       pending    absorbed   learnable  errors  collected  closed
     step                         + 1        .          1          .       .          0      [1]
     learn            learnable   .          .          .          1       .          .
     update           [2]         .          .          0          0       0          1 if pending
       eager          one step    0          0          0          0       0          0
       lazy           [3]         .          = pending  0          0       0          0      [4]
     trace_from       learnable,  .          0          .          0       0          1
                      no gradient
     reinforce        no gradient .          0          .          0       0          1 if pending
     collect          [5]         .          .          .          0       1 if errors .
     write_back                   - absorbed 0          .          .       .          .
     settle                       0          0          0          0       1 if errors 0
     reset                        0          0          0          0       1 if errors 0
     predict                      .          .          .          .       .          .

     [1] Of a record that is full or closed its errors are collected and its traces settled first;
         a window drops the steps no error can reach any more; rtrl keeps the last step alone.
     [2] errors or collected; else nothing changes.
     [3] errors, none collected, not closed, plain descent, at most 8 steps.
     [4] From 8 absorbed steps on they are written at once: pending and absorbed are 0.
     [5] After write_back wherever the weights must be up to date.

   `grow` keeps all this, but what it cannot keep: a step whose new outputs have no value is no
   longer learnable. Streams have this table each, but for `closed` and `collected`, which they
   share, and may restart alone; a population has it in bits, one a network. */
#include "network/progress.h"

static int has_error(const pylstm_network *n, ptrdiff_t row)
{
    const ptrdiff_t at = row * n->buffers.record_stride + n->layout.at_has_error;
    return n->shape.precision == PYLSTM_FLOAT32 ? ((const float *)n->buffers.record)[at] != 0
                                                : ((const double *)n->buffers.record)[at] != 0;
}

static int is_flag(int value)
{
    return value == 0 || value == 1;
}

/* What holds whether or not there is a record. */
static const char *counts(const pylstm_network *n, ptrdiff_t most)
{
    if (!(is_flag(n->progress.closed) && is_flag(n->progress.learnable) &&
          is_flag(n->progress.has_errors) && is_flag(n->progress.collected) &&
          is_flag(n->progress.traces_zero) && is_flag(n->progress.all_live)))
        return "a flag of its progress is neither 0 nor 1";
    if (n->progress.n_pending < 0 || n->progress.n_pending > most)
        return "it has more steps recorded than its record holds";
    if (n->progress.n_waiting < 0 || n->progress.n_waiting > n->progress.n_pending)
        return "it has more steps that wait than steps recorded";
    if (n->progress.n_waiting > 0 && n->shape.method != PYLSTM_BPTT)
        return "it has steps that wait, and a gradient that lets none wait";
    if (n->progress.n_collect < 0 || n->progress.n_steps < 0 || n->optimizer.n_updates < 0)
        return "it has a count below 0";
    if (!(n->optimizer.error >= 0))
        return "its error at the outputs is below 0 or no number";
    if (n->progress.closed && (n->progress.n_pending == 0 || n->shape.method != PYLSTM_TRUNCATED))
        return "its record is used up, and there is none";
    return NULL;
}

const char *pylstm_network_contradiction(const pylstm_network *n)
{
    const char *broken = counts(n, n->buffers.record_rows - 2);
    int errors = 0;
    if (broken)
        return broken;
    if (n->shape.method == PYLSTM_RTRL && n->progress.n_pending > 1)
        return "it has more steps recorded than its gradient needs";
    if (n->progress.n_absorbed < 0 || n->progress.n_absorbed > n->progress.n_pending ||
        n->progress.n_absorbed > PYLSTM_LAZY_STEPS)
        return "it has put off more changes of the weights than it has steps recorded";
    if (n->progress.n_absorbed > 0 &&
        (!n->layout.lazy || n->progress.closed || n->progress.traces_zero))
        return "it has put off changes of the weights that a network in its place writes at once";
    if (n->progress.learnable && n->progress.n_pending == n->progress.n_absorbed)
        return "it has a step to learn from, and none recorded";
    for (ptrdiff_t row = 1; row <= n->progress.n_pending; row++) {
        if (row <= n->progress.n_absorbed && has_error(n, row))
            return "it has an error at a step that it has learned from";
        errors |= has_error(n, row);
    }
    if (errors != n->progress.has_errors)
        return "it has errors at steps recorded, and says otherwise";
    return NULL;
}

static const char *layer_contradiction(const pylstm_streams *s)
{
    const pylstm_network *n = &s->net;
    const char *broken = counts(n, s->record_steps);
    if (broken)
        return broken;
    if (s->last_error < 0 || s->last_error > n->progress.n_pending ||
        n->progress.has_errors != (s->last_error > 0))
        return "the last step with an error is not where there are errors";
    for (ptrdiff_t b = 0; b < s->n_streams; b++) {
        const pylstm_network *stream = s->stream + b;
        int errors = 0;
        if (!(is_flag(stream->progress.learnable) && is_flag(stream->progress.has_errors) &&
              is_flag(stream->progress.traces_zero)))
            return "a flag of a stream is neither 0 nor 1";
        if (stream->progress.n_pending < 0 || stream->progress.n_pending > n->progress.n_pending)
            return "a stream has more steps recorded than all";
        if (stream->progress.learnable && (stream->progress.n_pending == 0 || n->progress.closed))
            return "a stream has a step to learn from, and none recorded";
        if (!(stream->optimizer.error >= 0))
            return "the error at the outputs of a stream is below 0 or no number";
        for (ptrdiff_t row = 1; row <= stream->progress.n_pending; row++)
            errors |= has_error(stream, row);
        if (errors && !n->progress.has_errors)
            return "a stream has errors, and the streams have none";
    }
    return NULL;
}

/* Of several layers a stream has made the same steps in all, and may learn from the same. */
static int differ(const pylstm_streams *s, const pylstm_streams *below)
{
    int found = s->net.progress.n_pending != below->net.progress.n_pending ||
                s->net.progress.has_errors != below->net.progress.has_errors ||
                s->net.progress.collected != below->net.progress.collected ||
                s->net.progress.closed != below->net.progress.closed ||
                s->last_error != below->last_error;
    for (ptrdiff_t b = 0; b < s->n_streams; b++)
        found |= s->stream[b].progress.n_pending != below->stream[b].progress.n_pending ||
                 s->stream[b].progress.learnable != below->stream[b].progress.learnable;
    return found;
}

const char *pylstm_streams_contradiction(const pylstm_streams *top)
{
    for (const pylstm_streams *s = top; s; s = s->below) {
        const char *broken = layer_contradiction(s);
        if (broken)
            return broken;
        if (s->below && differ(s, s->below))
            return "its layers do not stand at the same step";
    }
    return NULL;
}

const char *pylstm_population_contradiction(const pylstm_population *p)
{
    const ptrdiff_t lanes = p->lanes;
    for (ptrdiff_t group = 0; group < p->n_groups; group++) {
        const pylstm_group *at = p->groups + group;
        const ptrdiff_t left = p->n_nets - group * lanes;
        const uint32_t real =
            left < lanes ? ((uint32_t)1 << left) - 1 : (uint32_t)(((uint64_t)1 << lanes) - 1);
        const uint32_t set =
            at->pending | at->learnable | at->has_error | at->collected | at->diverged;
        if (set & ~real)
            return "a network that is not there has progress";
        if (at->has_error & ~at->learnable)
            return "a network has an error at a step that it cannot learn from";
        for (ptrdiff_t lane = 0; lane < lanes; lane++)
            if (p->n_steps[group * lanes + lane] < 0 || p->n_collect[group * lanes + lane] < 0)
                return "a network has a count below 0";
    }
    return NULL;
}
