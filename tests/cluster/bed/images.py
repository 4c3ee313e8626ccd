#!/usr/bin/env python3
"""Makes the images of the example application without a container engine: `images.py BINARY OUT`
writes one OCI archive. Every version is an image of its own whose name is its tag and whose
behaviour is its environment; all share one layer, so that importing them is cheap."""

import functools
import gzip
import hashlib
import io
import json
import platform
import sys
import tarfile

NAME = "docker.io/autograph/api-gateway"
PAUSE = "linnet.test/pause:1"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}  # in Go's words

# What each version does besides answering (app/main.go). A Deployment's own environment wins.
GOOD = {"DRAIN_MS": 1500}
VERSIONS = {
    **{f"v1.{minor}.0": GOOD for minor in range(6)},
    "v2.0.0-ten": {**GOOD, "FAIL_PCT": 10},
    "v2.0.0-errors": {**GOOD, "FAIL_PCT": 20},
    "v2.0.0-half": {**GOOD, "FAIL_PCT": 50},
    "v2.0.0-broken": {**GOOD, "FAIL_PCT": 100},
    "v2.0.0-slow": {**GOOD, "DELAY_MS": 1500},
    "v2.0.0-late": {**GOOD, "FAIL_AFTER": 300},  # all answers are bad after so many
    "v2.0.0-crash": {**GOOD, "CRASH_AFTER_MS": 1000},
    "v2.0.0-unready": {**GOOD, "NOT_READY": 1},
    "v2.0.0-nodrain": {"DRAIN_MS": 0},  # good, but gone at once on SIGTERM
}


def layer(binary):
    """A tar with the binary as /app, the same for the same binary."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        users = b"root:x:0:0::/:/\n"
        for name, data, mode in (("app", binary, 0o755), ("etc/passwd", users, 0o644)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@functools.cache
def packed(content):
    return gzip.compress(content, compresslevel=1, mtime=0)


class Archive:
    """An OCI image layout, as one tar."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w")
        self.seen, self.manifests = set(), []

    def file(self, name, data):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o644
        self.tar.addfile(entry, io.BytesIO(data))

    def blob(self, kind, data):
        """Stores it and returns its descriptor."""
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self.seen:
            self.seen.add(digest)
            self.file(f"blobs/sha256/{digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}",
                "size": len(data)}

    def image(self, name, content, command, environment):
        config = {
            "architecture": MACHINES.get(platform.machine(), platform.machine()), "os": "linux",
            "config": {"Entrypoint": command, "WorkingDir": "/",
                       "Env": [f"{key}={value}" for key, value in environment.items()]},
            "rootfs": {"type": "layers",
                       "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]},
            "history": [{"created_by": "images.py"}],
        }
        manifest = self.blob("manifest.v1+json", {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.blob("config.v1+json", config),
            "layers": [self.blob("layer.v1.tar+gzip", packed(content))]})
        manifest["annotations"] = {"io.containerd.image.name": name}
        self.manifests.append(manifest)

    def close(self):
        self.file("index.json", json.dumps(
            {"schemaVersion": 2, "manifests": self.manifests}).encode())
        self.file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        self.tar.close()


def main():
    binary, out = sys.argv[1:3]
    with open(binary, "rb") as file:
        content = layer(file.read())
    archive = Archive(out)
    archive.image(PAUSE, content, ["/app", "pause"], {})
    for version, behaviour in VERSIONS.items():
        archive.image(f"{NAME}:{version}", content, ["/app"],
                      {"PATH": "/", "VERSION": version, **behaviour})
    archive.close()


if __name__ == "__main__":
    main()
