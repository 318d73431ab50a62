"""Files and folders at a URL, through fsspec, with the part of ``pathlib.Path`` that readers need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(?:://|::)")
LOCAL = ("file", "local")


class RemoteStat(NamedTuple):
    """What is known of a file at a URL: its size in bytes."""

    st_size: int


class RemotePath:
    """A file or folder at a URL, such as ``s3://bucket/cc3m``. It pickles as its URL; each process connects itself.

    Args:
        url: A URL of a protocol that fsspec knows. It may be chained, such as ``simplecache::s3://bucket/cc3m``.

    Raises:
        ModuleNotFoundError: The package of the protocol is not installed.
        ValueError: The protocol is unknown.
    """

    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("://") else url.rstrip("/")
        _refuse_protocol(url)

    @property
    def name(self) -> str:
        """The last part of the URL, without a query."""
        return self.url.rpartition("/")[2].partition("?")[0]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return Path(self.name).stem

    @property
    def parent(self) -> RemotePath:
        """The folder of the file."""
        return RemotePath(self.url.rpartition("/")[0] + ("/" if self.url.count("/") == 2 else ""))

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(name if _URL.match(name) else f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"RemotePath({self.url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and self.url == other.url

    def __lt__(self, other: RemotePath) -> bool:
        return self.url < other.url

    def __hash__(self) -> int:
        return hash(self.url)

    def exists(self) -> bool:
        """Tells whether there is such a file or folder."""
        return bool(self._ask("exists"))

    def is_dir(self) -> bool:
        """Tells whether this is a folder."""
        return bool(self._ask("isdir"))

    def is_file(self) -> bool:
        """Tells whether this is a file."""
        return bool(self._ask("isfile"))

    def stat(self) -> RemoteStat:
        """Tells the size of the file."""
        return RemoteStat(int(self._ask("size")))

    def iterdir(self) -> Iterator[RemotePath]:
        """Lists a folder."""
        for found in self._ask("ls", detail=False):
            yield self / found.rstrip("/").rpartition("/")[2]

    def find(self) -> list[str]:
        """Lists the files in a folder at any depth, by their path in the folder, sorted."""
        root = self._ask("_strip_protocol").rstrip("/")
        return sorted(str(found).removeprefix(root).lstrip("/") for found in self._ask("find"))

    def open(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:  # noqa: ARG002
        """Opens the file to read any part of it."""
        return cast("IO[bytes]", self._ask("open", mode=mode))

    def read_bytes(self) -> bytes:
        """Reads the whole file."""
        return bytes(self._ask("cat_file"))

    def _ask(self, question: str, **options: Any) -> Any:
        import fsspec.core

        try:
            files, path = fsspec.core.url_to_fs(self.url)  # a process gets its own connection, also after a fork
            return getattr(files, question)(path, **options)
        except OSError:
            raise
        except Exception as error:  # each file system has errors of its own, such as about credentials
            raise OSError(f"{self.url}: cannot be read: {type(error).__name__}: {error}") from error


AnyPath = Path | RemotePath


def as_path(path: str | AnyPath) -> AnyPath:
    """Gives a path for the name of a local file or folder, or for a URL.

    Example:
        >>> as_path("memory://cc3m/00000.tar").name, as_path("file:///data/cc3m").as_posix()
        ('00000.tar', '/data/cc3m')
    """
    found = _URL.match(path) if isinstance(path, str) else None
    if found is None:
        return path if isinstance(path, RemotePath) else Path(path)
    url = str(path)
    return Path(url[found.end() :]) if found[1].lower() in LOCAL and "::" not in url else RemotePath(url)


def _refuse_protocol(url: str) -> None:
    try:
        import fsspec
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"expected the fsspec package, which {url} needs; got none: pip install fsspec", name="fsspec"
        ) from None
    for protocol in re.findall(r"(?:^|::)([A-Za-z][A-Za-z0-9+.-]*)(?=::|://)", url):
        try:
            fsspec.get_filesystem_class(protocol)
        except ImportError as error:
            package = getattr(error.__cause__, "name", None) or protocol
            raise ModuleNotFoundError(
                f"expected the {package} package, which {url} needs; got none: pip install {package}", name=package
            ) from error
        except ValueError:
            raise ValueError(
                f"expected a URL of a protocol that fsspec knows; got {url}: write s3://, gs://, https:// or another"
            ) from None
