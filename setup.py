"""Build of the C engine; everything else is in pyproject.toml."""

import os
import shlex
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path
from platform import machine
from threading import Semaphore

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError

# Contraction is off because the sources say where products and sums are rounded together.
FLAGS = [
    "-std=c99",
    "-g0",  # most interpreters ask for debug information, which is five times the module
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-wrapv",
    "-fno-trapping-math",
    "-fno-tree-loop-distribute-patterns",  # a few numbers are copied faster than memcpy is called
    "-fno-ipa-ra",  # with it GCC 12 leaves out a vzeroupper, and SSE after a call is slow
    "-fopenmp-simd",
]
# What -O3 adds to -O2 and the engine is faster for: short loops unrolled whole, so that sums stay
# in registers, and loops vectorised without a pragma. The rest of -O3 takes half as long again to
# compile. On x86-64 next to nobody has less than AVX2; the seam calls Python, and its code is
# mostly what Cython does about errors: with -Og it compiles in 40 % of the time. But for the
# module of single steps, a call of which takes a tenth less time with -O2.
FULL = ["-O2", "-fpeel-loops", "-ftree-vectorize", "-fvect-cost-model=dynamic"]
QUICK = ["-O1"]
SEAM = ["-Og"]
# PYLSTM_SANITIZE=1 builds with the address and undefined-behaviour sanitizers, for the test suite.
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g"]
# Such a build also looks at the progress of every object after every call: csrc/network/progress.c.
DEBUG = [("PYLSTM_DEBUG", None)]

# Where Cython writes its C.
GENERATED = os.path.join("build", "cython")

# What every compiler of C99 takes, with the headers of the system.
PROBE = "#include <stdint.h>\nint main(void) { for (int32_t j = 0; j < 1; j++); return 0; }\n"


def compiler():
    """The command that compiles, as setuptools finds it."""
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")


def check_compiler():
    """End with one sentence where nothing can be compiled, instead of the errors of every file."""
    command = [*compiler(), "-std=c99", "-fsyntax-only", "-x", "c", "-"]
    try:
        probe = subprocess.run(command, input=PROBE, capture_output=True, text=True)
    except OSError:
        sys.exit(f"pylstm needs a C compiler: {command[0]!r} was not found; set CC to one")
    if probe.returncode != 0:
        said = (probe.stderr.strip() or f"exit status {probe.returncode}").splitlines()[0]
        name = shlex.join(compiler())
        sys.exit(f"pylstm needs a compiler of C99: {name!r} refuses it ({said}); set CC to another")
    headers = sysconfig.get_path("include")
    if not Path(headers, "Python.h").exists():
        sys.exit(f"pylstm needs the headers of Python: there is no Python.h in {headers}")


def understood(flag):
    """Whether the compiler knows a flag: Clang lacks some of GCC's."""
    command = [*compiler(), "-Werror", flag, "-fsyntax-only", "-x", "c", os.devnull]
    return subprocess.run(command, capture_output=True).returncode == 0


# What a source distribution has beside what it is built of: the tests, whole, with what they
# import and read. Not what was measured.
ALSO_DISTRIBUTED = [
    "graft tests",
    "graft bench",
    "prune bench/results",
    "include CHANGELOG.md CITATION.cff CONTRIBUTING.md SECURITY.md",
    "global-exclude *.py[co] *.so",
]


class Sdist(sdist):
    """With what `ALSO_DISTRIBUTED` names."""

    def make_distribution(self):
        for line in ALSO_DISTRIBUTED:
            self.filelist.process_template_line(line)
        super().make_distribution()


class BuildExt(build_ext):
    """Compiles all files side by side: those of an instruction set take long."""

    def build_extensions(self):
        compile_files, full = self.compiler.compile, []
        cores = Semaphore(os.cpu_count())

        def compile_one(file, extra_postargs=(), **kwargs):
            fallback = "baseline" in file and machine() in ("x86_64", "AMD64")
            seam = file.startswith(GENERATED) and not file.endswith("network_steps.c")
            level = SEAM if seam or sanitize else QUICK if fallback else full
            with cores:
                return compile_files([file], extra_postargs=[*level, *extra_postargs], **kwargs)

        def compile_side_by_side(sources, **kwargs):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = pool.map(lambda file: compile_one(file, **kwargs), sources)
                return [name for names in objects for name in names]

        if not windows:
            # Not before: a source distribution is made without a compiler.
            check_compiler()
            flags = [*filter(understood, FLAGS), *sanitize]
            for extension in self.extensions:
                extension.extra_compile_args = flags
            full += filter(understood, FULL)
            self.compiler.compile = compile_side_by_side
            self.parallel = True
        try:
            super().build_extensions()
        except CompileError:
            name = "the compiler" if windows else repr(shlex.join(compiler()))
            sys.exit(f"pylstm was not compiled: {name} may be too old, what it said is above")


windows = sys.platform == "win32"
sanitize = SANITIZE if os.environ.get("PYLSTM_SANITIZE") == "1" else []


def extension(name, sources, depends=()):
    """A module of the seam."""
    return Extension(
        name,
        sources=sources,
        depends=sorted([*depends, *glob("pylstm/*/*.pxd"), *glob("csrc/*/*.h")]),
        include_dirs=["csrc", np.get_include()],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            *(DEBUG if sanitize else []),
        ],
        extra_compile_args=["/O2", "/std:c11"] if windows else [],
        extra_link_args=[] if windows else sanitize,
    )


def seam():
    """A module for each file of Cython, that of the engine with all the C; and what Cython itself
    would put into every module, once."""
    for file in sorted(glob("pylstm/*/*.pyx")):
        name = ".".join(Path(file).with_suffix("").parts)
        kernels, parts = [], [file]
        if name == "pylstm._core.engine":
            kernels, parts = sorted(glob("csrc/*/*.c")), [file, *glob("csrc/*/*.inc")]
        yield extension(name, [file, *kernels], parts)
    yield extension("pylstm._core.utilities", ["pylstm/_core/utilities.c"])


if __name__ == "__main__":  # the processes of cythonize read this file too
    modules = cythonize(
        list(seam()),
        build_dir=GENERATED,
        nthreads=os.cpu_count(),
        shared_utility_qualified_name="pylstm._core.utilities",
        shared_utility_features_disabled=["MemoryView"],
    )
    setup(ext_modules=modules, cmdclass={"build_ext": BuildExt, "sdist": Sdist})
