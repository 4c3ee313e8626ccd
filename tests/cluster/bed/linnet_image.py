#!/usr/bin/env python3
"""Gives the bed an image of `linnet` and prints its name: `linnet_image.py BINARY`. In it are the
binary, the libraries that it is linked with, and libcurl, which it opens by itself, with those that
that one needs. The name is made of the content: an image that the bed has is not made again."""

import hashlib
import io
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

import images

HERE = pathlib.Path(__file__).resolve().parent


def libraries(*binaries):
    """Paths as the loader looks for them, its own among them."""
    listed = subprocess.run(["ldd", *binaries], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"(/\S+) \(0x", listed))


def libcurl():
    listed = subprocess.run(["/sbin/ldconfig", "-p"], check=True, capture_output=True, text=True)
    return re.search(r"libcurl\.so\.4 .*=> (\S+)", listed.stdout).group(1)


def layer(files):
    """A tar of {path in the image: path here}, the same for the same content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, path in sorted(files.items()):
            data = pathlib.Path(path).read_bytes()
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def in_the_bed(*command):
    return subprocess.run([HERE / "cluster", "shell", *command], check=True, capture_output=True,
                          text=True, timeout=60).stdout


def main():
    binary, curl = sys.argv[1], libcurl()
    files = {path: path for path in libraries(binary, curl)}
    content = layer({**files, curl: curl, "/usr/bin/linnet": binary})
    name = "linnet.test/linnet:" + hashlib.sha256(content).hexdigest()[:12]
    if name not in in_the_bed("ctr", "-n", "k8s.io", "images", "ls", "-q").split():
        with tempfile.TemporaryDirectory() as folder:
            archive = images.Archive(f"{folder}/linnet.tar")
            archive.image(name, content, ["/usr/bin/linnet"], {"PATH": "/usr/bin"})
            archive.close()
            in_the_bed("ctr", "-n", "k8s.io", "images", "import", f"{folder}/linnet.tar")
    print(name)


if __name__ == "__main__":
    main()
