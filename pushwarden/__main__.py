"""``python -m pushwarden`` is ``pushwarden``."""

from pushwarden.cli import main

if __name__ == "__main__":
    main()
