"""`python -m loader` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from loader.cli import cli  # noqa: PLC0415 - the command line must start without pandas

    cli(prog_name="pushwoosh-loader")


if __name__ == "__main__":
    main()
