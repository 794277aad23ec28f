"""Run all benchmarks and print them as one Markdown table: `make bench`."""

import platform

from benchmarks import bench_checks, bench_classroom, bench_engine, bench_scale, bench_startup
from fedteach.quiet import keras, tensorflow
from fedteach.threads import available_cores


def main() -> None:
    """Print the machine, then a row for each figure."""
    print(
        f"{platform.system()} {platform.machine()}, {available_cores()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}\n")
    print("| what | measured | goal |\n| --- | --- | --- |")
    bench_startup.main()
    bench_checks.main()
    bench_engine.main()
    bench_scale.main()
    bench_classroom.main()


if __name__ == "__main__":
    main()
