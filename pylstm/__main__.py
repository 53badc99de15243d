"""``python -m pylstm`` is ``pylstm``."""

import sys

from pylstm.cli import main

if __name__ == "__main__":
    sys.exit(main())
