/* float64.h: the one precision of plain recurrent units; comes before anything that asks for it. */
#ifndef PYLSTM_DOUBLE
#define PYLSTM_DOUBLE 1
#endif
