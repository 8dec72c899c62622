"""Pages as a browser shows them: headless Chromium, once per question."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
DARK = "--blink-settings=preferredColorScheme=0"


def chromium() -> str:
    """The program. There is no skipping: on Debian `apt-get install chromium` brings it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, f"none of {', '.join(NAMES)} is installed; on Debian: apt-get install chromium"
    return found


def _run(page: Path, folder: Path, *options: str) -> str:
    command = [
        chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}", *options,
        page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def document(page: Path, folder: Path, script: str = "") -> str:
    """The page's HTML after its scripts and then `script` have run."""
    acted = folder / "acted.html"
    text = page.read_text(encoding="utf-8")
    acted.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return _run(acted, folder, "--dump-dom")


def picture(
    page: Path, folder: Path, width: int, height: int, options: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """The top of the page in pixels, (height, width, 3)."""
    file = folder / "page.png"
    _run(page, folder, f"--screenshot={file}", f"--window-size={width},{height}", *options)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
