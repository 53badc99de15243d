from pylstm._core.headers cimport pylstm_layout, pylstm_optimizer, pylstm_shape

cdef ptrdiff_t longest_window
cdef fill_shape(pylstm_shape *shape, dict config)
cdef fill_method(pylstm_shape *shape, dict config)
cdef fill_rule(pylstm_optimizer *o, rule, numbers)
cdef fill_place(pylstm_shape *shape, dict layer)
cdef object too_large(const pylstm_shape *shape, str more=*)
cdef dict sizes_of(const pylstm_shape *shape, const pylstm_layout *layout)
