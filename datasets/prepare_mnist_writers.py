"""Make the two tables of `mnist_writers` from QMNIST's label files.

Get qmnist-train-labels-idx2-int.gz and qmnist-test-labels-idx2-int.gz from the repository
facebookresearch/qmnist on GitHub (0.5 MB each) and run, in the folder of the course:

    python datasets/prepare_mnist_writers.py FOLDER_WITH_THE_TWO_FILES
"""

import argparse
import gzip
import hashlib
import sys
from pathlib import Path

from fedteach.data import DataError, idx, mnist_writers

SOURCES = {
    "train": ("qmnist-train-labels-idx2-int.gz", "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f"),
    "test": ("qmnist-test-labels-idx2-int.gz", "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06"),
}
# Of the eight columns: class, NIST series, writer; the row is the image's place in the MNIST file.
COLUMNS = [0, 1, 2]


def table(part: str, folder: Path) -> bytes:
    """Return the text of one table, made from QMNIST's file in `folder`.

    Raises:
        DataError: if the file is missing or is not the published one.
    """
    name, sha256 = SOURCES[part]
    got = hashlib.sha256(idx.read_bytes(folder / name)).hexdigest()
    if got != sha256:
        raise DataError(f"{folder / name}: expected sha256 {sha256}, got {got}; download it again")
    # QMNIST has 60,000 test rows; the first 10,000 are MNIST's test images.
    rows = idx.read(folder / name)[: mnist_writers.FILES[part].n_rows, COLUMNS]
    lines = [f"{place},{label},{series},{writer}\n" for place, (label, series, writer) in enumerate(rows.tolist())]
    return "".join([mnist_writers.COLUMNS + "\n", *lines]).encode("ascii")


def main(arguments: list[str]) -> int:
    """Write the two tables; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the two files of QMNIST are")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "mnist_writers", help="where the tables go")
    given = parser.parse_args(arguments)
    try:
        texts = {part: table(part, given.folder) for part in SOURCES}
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    given.to.mkdir(parents=True, exist_ok=True)
    for part, text in texts.items():
        target = given.to / mnist_writers.FILES[part].name
        target.write_bytes(gzip.compress(text, mtime=0))
        print(f"{target}: {mnist_writers.FILES[part].n_rows:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
