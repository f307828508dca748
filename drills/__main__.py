"""`python -m drills [NAME] …`: a drill, one of NAMES; kill unless another is named."""

import runpy
import sys

NAMES = ("kill", "hosts", "frozen", "chaos", "matrix", "race", "books", "histories")


def main() -> None:
    name = sys.argv.pop(1) if sys.argv[1:2] and sys.argv[1] in NAMES else "kill"
    runpy.run_module(f"drills.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
