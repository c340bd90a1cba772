"""`python -m qbank_metabase.import_content`: the same push as `qbank metabase push`."""

import typer

from qbank_metabase.commands import push


def main() -> None:
    """Run the push with the options of the command line."""
    typer.run(push)


if __name__ == "__main__":
    main()
