"""The way into the test bed: a program becomes itself again in the bed's network, where it reaches
the API server, pods, the data plane and Prometheus by address, and nothing else."""

import os
import pathlib
import subprocess
import sys

INSIDE = "LINNET_CLUSTER_BED"  # names the bed's folder to whoever is inside


def enter_the_bed(program):
    """Does not return. The bed is brought up when it is not."""
    script = pathlib.Path(__file__).resolve().parent / "bed" / "cluster"
    subprocess.run([script, "up"], check=True)
    bed = pathlib.Path(subprocess.run([script, "where"], check=True, capture_output=True,
                                      text=True).stdout.splitlines()[0])
    pid = (bed / "run" / "pid").read_text().strip()
    os.environ.update({INSIDE: str(bed), "KUBECONFIG": str(bed / "pki" / "admin.kubeconfig"),
                       "PATH": f"{bed / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}"})
    sys.stdout.flush()
    os.execvp("nsenter", ["nsenter", "-t", pid, "-n", sys.executable, program, *sys.argv[1:]])
