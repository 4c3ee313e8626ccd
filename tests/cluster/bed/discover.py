#!/usr/bin/env python3
"""Tells Prometheus which pods to scrape: watches all pods and writes those with a port named `http`
or `metrics` into a file that file_sd reads. `discover.py BED` runs until it is killed."""

import http.client
import json
import pathlib
import select
import ssl
import sys

BED = pathlib.Path(sys.argv[1])
TARGETS = BED / "run" / "pods.json"


def targets(pods):
    for (namespace, name), pod in sorted(pods.items()):
        address = pod.get("status", {}).get("podIP")
        running = pod.get("status", {}).get("phase") == "Running"
        if not address or not running or pod["metadata"].get("deletionTimestamp"):
            continue
        labels = pod["metadata"].get("labels", {})
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                if port.get("name") in ("http", "metrics"):
                    yield {"targets": [f"{address}:{port['containerPort']}"],
                           "labels": {"namespace": namespace, "pod": name,
                                      "container": container["name"],
                                      "app": labels.get("app", ""),
                                      "pod_template_hash": labels.get("pod-template-hash", "")}}


def write(pods):
    """Renamed into place: a reader never sees half of it."""
    draft = TARGETS.with_suffix(".new")
    draft.write_text(json.dumps(list(targets(pods))))
    draft.rename(TARGETS)


def follow(context, headers):
    """Lists, then watches until the connection ends."""
    connection = http.client.HTTPSConnection("192.168.77.1", 6443, context=context)
    connection.request("GET", "/api/v1/pods", headers=headers)
    listed = json.load(connection.getresponse())
    pods = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod
            for pod in listed["items"]}
    write(pods)
    version = listed["metadata"]["resourceVersion"]
    connection.request("GET", f"/api/v1/pods?watch=1&resourceVersion={version}", headers=headers)
    for line in connection.getresponse():
        event = json.loads(line)
        pod = event["object"]
        if event["type"] == "ERROR":
            return
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if event["type"] == "DELETED":
            pods.pop(key, None)
        else:
            pods[key] = pod
        write(pods)


def main():
    kubeconfig = json.loads((BED / "pki" / "prometheus.kubeconfig").read_text())
    token = kubeconfig["users"][0]["user"]["token"]
    context = ssl.create_default_context(cafile=str(BED / "pki" / "ca.crt"))
    write({})
    while True:
        try:
            follow(context, {"Authorization": f"Bearer {token}"})
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            print(error, flush=True)
            select.select([], [], [], 0.5)  # the API server is away; it is asked again


main()
