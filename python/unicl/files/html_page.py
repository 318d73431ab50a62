"""Pages of HTML that load nothing from elsewhere: their frame, their colours, and the escaping of every text."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

FRAME = "page.html.jinja"
_MEDIA = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


def render_page(template: str, *, name: str, **values: Any) -> str:
    """Renders one self-contained HTML page.

    The template extends "page.html.jinja", with the blocks ``title``, ``style`` and ``body``. The frame has the colours
    for light and dark screens, tables and panels. It forbids scripts, and all that is not in the page itself. Every
    value is shown as text, never as markup. Half of a surrogate pair, which no file can hold, becomes "?".

    Args:
        template: The text of the template, for jinja2. The filter ``data_uri`` makes addresses of images.
        name: The name of the page in the message if jinja2 is missing.
        values: The values that the template shows.

    Raises:
        ModuleNotFoundError: jinja2 is missing; the message tells how to install it.
    """
    try:
        from jinja2 import DictLoader, Environment, StrictUndefined
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{name} needs {error.name}: pip install 'unicl-rs[demo]'") from error
    frame = resources.files(__package__).joinpath(FRAME).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({FRAME: frame}),
    )
    environment.filters["data_uri"] = image_data_uri
    page: str = environment.from_string(template).render(values)
    return page.encode("utf-8", "replace").decode()


def image_data_uri(image: bytes) -> str:
    """Makes an address that contains a whole image.

    Raises:
        ValueError: It is no PNG, JPEG or WEBP file.

    Example:
        >>> image_data_uri(bytes.fromhex("89504e47"))
        'data:image/png;base64,iVBORw=='
    """
    media = next((media for start, media in _MEDIA.items() if image.startswith(start)), None)
    if media is None:
        raise ValueError(f"expected a PNG, JPEG or WEBP file; got bytes that begin {image[:8]!r}")
    return f"data:image/{media};base64,{base64.b64encode(image).decode('ascii')}"
