from pylstm._core.headers cimport (
    pylstm_blas,
    pylstm_engine,
    pylstm_field,
    pylstm_layout,
    pylstm_network,
    pylstm_population,
    pylstm_record,
    pylstm_recurrent,
    pylstm_scale,
    pylstm_shape,
    pylstm_streams,
    pylstm_streams_table,
    pylstm_table,
    pylstm_team,
)

cdef ptrdiff_t large_from
cdef const pylstm_engine *current_engine(int precision) noexcept
cdef const pylstm_blas *current_blas() noexcept
cdef const pylstm_table *stack_table(const pylstm_table *table, int precision) noexcept
cdef const pylstm_streams_table *streams_table(const pylstm_table *, int precision) noexcept

# csrc/network/shape.c
cdef const pylstm_field *shape_fields() noexcept

# csrc/*/layout.c
cdef bint lay_out_network(const pylstm_shape *, pylstm_layout *) noexcept
cdef bint lay_out_streams(pylstm_streams *, const pylstm_network *) noexcept
cdef bint lay_out_population(pylstm_population *) noexcept
cdef bint lay_out_record(const pylstm_population *, bint tokens, pylstm_record *) noexcept
cdef bint lay_out_recurrent(pylstm_recurrent *) noexcept

# csrc/network/progress.c
cdef const char *network_contradiction(const pylstm_network *) noexcept nogil
cdef const char *streams_contradiction(const pylstm_streams *) noexcept
cdef const char *population_contradiction(const pylstm_population *) noexcept
cdef void require(const char *contradiction) noexcept nogil
cdef int refuse_contradiction(const char *contradiction, str what) except -1

# csrc/network/scale.c
cdef void update_scale(const pylstm_scale *, const void *x, bint doubles) noexcept nogil
cdef void standardise_row(const pylstm_scale *, const void *x, bint doubles, double missing,
                          void *z, bint z_doubles) noexcept nogil
cdef void give_back_row(const pylstm_scale *, const void *z, void *x, bint doubles) noexcept nogil

# csrc/threads/lock.c
cdef object in_use(str name)
cdef int take(int *busy, bint built, str name) except -1 nogil
cdef void give(int *busy) noexcept nogil

# csrc/threads/team.c
cdef pylstm_team *borrow_team(bint wake)
cdef void return_team(pylstm_team *borrowed) noexcept nogil
