"""Build of the C engine; everything else is in pyproject.toml."""

import os
import shlex
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from platform import machine

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Contraction is off because the sources say where products and sums are rounded together.
FLAGS = [
    "-std=c99",
    "-g0",  # most interpreters ask for debug information, which is five times the module
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-wrapv",
    "-fno-trapping-math",
    "-fno-tree-loop-distribute-patterns",  # a few numbers are copied faster than memcpy is called
    "-fopenmp-simd",
]
# What -O3 adds to -O2 and the engine is faster for: short loops unrolled whole, so that sums stay
# in registers, and loops vectorised without a pragma. The rest of -O3 takes half as long again to
# compile. The seam calls Python, and on x86-64 next to nobody has less than AVX2.
FULL = ["-O2", "-fpeel-loops", "-ftree-vectorize", "-fvect-cost-model=dynamic"]
QUICK = ["-O1"]
# PYLSTM_SANITIZE=1 builds with the address and undefined-behaviour sanitizers, for the test suite.
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g", "-O1"]
# Such a build also looks at the progress of every object after every call: csrc/network/progress.c.
DEBUG = [("PYLSTM_DEBUG", None)]


def understood(flag):
    """Whether the compiler knows a flag: Clang lacks some of GCC's."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [*compiler, "-Werror", flag, "-fsyntax-only", "-x", "c", os.devnull]
    return subprocess.run(command, capture_output=True).returncode == 0


class BuildExt(build_ext):
    """Compiles the files of an extension side by side: one per instruction set takes long."""

    def build_extensions(self):
        compile_files = self.compiler.compile
        full = [flag for flag in FULL if understood(flag)]

        def compile_one(file, extra_postargs=(), **kwargs):
            quick = "python" in file or ("baseline" in file and machine() in ("x86_64", "AMD64"))
            level = QUICK if quick else full
            return compile_files([file], extra_postargs=[*level, *extra_postargs], **kwargs)

        def compile_side_by_side(sources, **kwargs):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = pool.map(lambda file: compile_one(file, **kwargs), sources)
                return [name for names in objects for name in names]

        if not windows:
            self.compiler.compile = compile_side_by_side
        super().build_extensions()


windows = sys.platform == "win32"
sanitize = SANITIZE if os.environ.get("PYLSTM_SANITIZE") == "1" else []

core = Extension(
    "pylstm._core",
    sources=["csrc/python/_core.pyx", *sorted(set(glob("csrc/*/*.c")) - {"csrc/python/_core.c"})],
    depends=sorted(glob("csrc/*/*.p*") + glob("csrc/*/*.h") + glob("csrc/*/*.inc")),
    include_dirs=["csrc", np.get_include()],
    define_macros=[
        ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
        *(DEBUG if sanitize else []),
    ],
    extra_compile_args=["/O2", "/std:c11"] if windows else [*filter(understood, FLAGS), *sanitize],
    extra_link_args=[] if windows else sanitize,
)

setup(ext_modules=cythonize([core]), cmdclass={"build_ext": BuildExt})
