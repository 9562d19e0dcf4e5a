"""``python -m loadline``: the command line, where the script ``loadline`` is not on the path."""

from loadline.cli.main import main

if __name__ == "__main__":
    main()
