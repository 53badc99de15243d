/* layout.c: where everything of several streams lies; compare layout.c. */
#include "streams/streams.h"

#include "network/sizes.h"

enum {
    RECORD_NUMBERS = 1 << 25, /* 128 MiB in float32: 190 steps of 32 streams of 256 cells */
    MIN_RECORD = 16,
    MAX_RECORD = 1024,
    BLOCK_ROWS = 128, /* rows of coefficients that stay in the second-level cache    */
    STEPS_AHEAD = 32  /* keep a product's tiles busy; a thread's loop between meetings */
};

static ptrdiff_t between(ptrdiff_t low, ptrdiff_t value, ptrdiff_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Of a layer, all of which have room for as many steps, `most`; 0 when a buffer is too large. */
static int layout_layer(pylstm_streams *s, ptrdiff_t most)
{
    const pylstm_layout *lay = &s->net.layout;
    const ptrdiff_t B = s->n_streams;
    const ptrdiff_t step = pylstm_product(B, lay->record_width); /* rows of the record of a step */
    s->record_steps = s->most_steps = most;
    if (s->net.shape.method == PYLSTM_BPTT) {
        s->record_steps = MIN_RECORD;
        s->most_steps = lay->most_pending;
    }
    s->block_steps = between(1, BLOCK_ROWS / B, s->most_steps);
    s->steps_ahead = STEPS_AHEAD < s->most_steps ? STEPS_AHEAD : s->most_steps;
    s->record_size = pylstm_product(s->record_steps + 2, step);
    s->traces_size = pylstm_product(B, lay->trace_size);
    s->work_size = pylstm_product(pylstm_sum(B, 1), lay->work_size);
    const ptrdiff_t rows = pylstm_product(B < PYLSTM_FEW_STREAMS ? s->steps_ahead : 1, B);
    s->nets_size = pylstm_product(rows, lay->row_stride);
    s->coef_stride = lay->at_trace_coef - lay->at_coef;
    s->coefs_size = pylstm_product(pylstm_product(s->block_steps, B), s->coef_stride);
    return s->record_size < PYLSTM_TOO_LARGE && s->traces_size < PYLSTM_TOO_LARGE &&
           s->work_size < PYLSTM_TOO_LARGE && s->nets_size < PYLSTM_TOO_LARGE &&
           s->coefs_size < PYLSTM_TOO_LARGE;
}

int pylstm_streams_layout(pylstm_streams *top, const pylstm_network *owner)
{
    ptrdiff_t width = 0; /* of the record rows of all layers */
    if (!pylstm_is_size(top->n_streams))
        return 0;
    for (pylstm_streams *s = top; s; s = s->below, owner = owner->below) {
        s->n_streams = top->n_streams;
        s->net.shape = owner->shape;
        if (!pylstm_network_layout(&s->net.shape, &s->net.layout))
            return 0;
        width = pylstm_sum(width, s->net.layout.record_width);
    }
    const ptrdiff_t most =
        between(MIN_RECORD, RECORD_NUMBERS / pylstm_product(top->n_streams, width), MAX_RECORD);
    for (pylstm_streams *s = top; s; s = s->below)
        if (!layout_layer(s, most))
            return 0;
    return 1;
}
