from pylstm._core.headers cimport pylstm_network

cdef ptrdiff_t longest_window
cdef fill_shape(pylstm_network *n, dict config)
cdef fill_method(pylstm_network *n, dict config)
cdef object too_large(const pylstm_network *n, str more=*)
cdef dict sizes_of(const pylstm_network *n)
