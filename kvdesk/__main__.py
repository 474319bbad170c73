"""`python -m kvdesk` and the `kvdesk` command."""

import sys

from kvdesk.app import run


def main() -> None:
    """Run the program with the process's arguments and exit with its status."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
