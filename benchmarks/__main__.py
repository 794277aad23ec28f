"""Run all benchmarks, or those named, and print them as one Markdown table: `make bench`."""

import argparse
import platform

from benchmarks import bench_checks, bench_classroom, bench_engine, bench_grading, bench_scale, bench_startup
from fedteach.quiet import keras, tensorflow
from fedteach.threads import available_cores

BENCHMARKS = {
    "startup": bench_startup,
    "checks": bench_checks,
    "engine": bench_engine,
    "scale": bench_scale,
    "classroom": bench_classroom,
    "grading": bench_grading,
}


def main() -> None:
    """Print the machine, then a row for each figure."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description="Measure fedteach; benchmarks/README.md says what."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names
    if unknown := sorted(set(names) - BENCHMARKS.keys()):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    print(
        f"{platform.system()} {platform.machine()}, {available_cores()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}\n")
    print("| what | measured | goal |\n| --- | --- | --- |")
    for name in names or BENCHMARKS:
        BENCHMARKS[name].main()


if __name__ == "__main__":
    main()
