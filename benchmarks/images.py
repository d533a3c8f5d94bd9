"""Makes the layers of every device type for one release in this process, as a build of all of them would."""

from __future__ import annotations

import sys

from hal.image.asking import image
from hal.image.formats import files
from hal.model import Build
from hal.plugins import Catalog


def main(release: str) -> None:
    catalog = Catalog()
    build = Build(yocto_release=release)
    slugs = sorted(row.slug for module in catalog.index.board_modules() for row in catalog.table(module))
    made = [files(image(catalog, slug, build), "yocto") for slug in slugs]
    if len(made) < 70 or not all(made):
        sys.exit(f"{len(made)} layers: not every device type has one")


if __name__ == "__main__":
    main(sys.argv[1])
