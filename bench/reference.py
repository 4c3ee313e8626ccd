"""What linnet's way through NGINX is compared with: a plain NGINX that someone configures by hand,
passing on to the same example service, changed with `nginx -s reload`."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
from world import (  # noqa: E402  (the path is set above)
    SERVICE, command_line, end_process, free_port, processes_of, wait_for)

PLAIN = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  upstream stable {{ server 127.0.0.1:{stable}; keepalive 64; }}
  upstream canary {{ server 127.0.0.1:{canary}; keepalive 64; }}
  {split}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{target};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
HALF = "split_clients $request_id $track { 50% canary; * stable; }"


class PlainNginx:
    """NGINX with a proxy_pass and no log, or with a split that a reload changes."""

    def __init__(self, world, split=False):
        self.world, self.port = world, free_port()
        self.folder = world.folder / f"plain-{self.port}"
        self.folder.mkdir()
        self.ports, self.services = [], []
        for version in ("v1.0.0", "v1.1.0"):
            self.ports.append(free_port())
            self.services.append(subprocess.Popen(
                [SERVICE, "--version", version, "--port", str(self.ports[-1])],
                stdout=subprocess.DEVNULL, env=world.environment))
        self.write("$track" if split else "stable")
        self.process = subprocess.Popen(["nginx", "-c", self.config, "-p", self.folder],
                                        env=world.environment, stderr=subprocess.DEVNULL)
        wait_for(lambda: world.get(port=self.port)[0] == 200, 10, "the plain NGINX answers")

    @property
    def config(self):
        return self.folder / "nginx.conf"

    def write(self, target):
        self.config.write_text(PLAIN.format(
            folder=self.folder, stable=self.ports[0], canary=self.ports[1], port=self.port,
            split=HALF if target == "$track" else "", target=target))

    def reload(self):
        subprocess.run(["nginx", "-c", self.config, "-p", self.folder, "-s", "reload"], check=True,
                       env=self.world.environment, stderr=subprocess.DEVNULL)

    def workers(self):
        return workers_of(self.folder)

    def stop(self):
        end_process(self.process)
        for service in self.services:
            end_process(service)


def workers_of(folder):
    """Process ids of NGINX workers whose master's command line names the folder."""
    return [pid for pid in processes_of(folder) if command_line(pid).startswith("nginx: worker")
            and "shutting down" not in command_line(pid)]
