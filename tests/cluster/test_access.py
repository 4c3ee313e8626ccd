"""Each form in which a kubeconfig says who asks and which way, against a real API server."""

import base64
import json
import os
import pty
import subprocess
import unittest
import urllib.parse

from harness import needs_bed, wait_for
from release_test_case import DONE, INVALID, UNREACHABLE, ReleaseTest
from servers import proxy_to, served
from world import LINNET

# Prints the token that stands in the file TOKEN, valid for so many seconds (for ever without), and
# notes who asked and what it was told. It fails while there is no such file.
PLUGIN = """#!/bin/sh
echo "$GREETING $* $KUBERNETES_EXEC_INFO" >>"$CALLS"
[ -f "$TOKEN" ] || { echo "log in first: vault is sealed" >&2; exit 7; }
status="\\"token\\": \\"$(cat "$TOKEN")\\""
[ "$1" = for-ever ] ||
  status="$status, \\"expirationTimestamp\\": \\"$(date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ)\\""
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
echo "\\"status\\": {$status}}"
"""


class AccessTest(ReleaseTest):
    """The kubeconfig of each test is the bed's, with the service account of `linnet rbac`, changed
    by the test. `linnet status` tells whether it leads to the API server."""

    def setUp(self):
        super().setUp()
        self.write_spec()
        self.path = self.world.folder / "kubeconfig"
        self.config = json.loads(self.path.read_text())
        self.token = self.config["users"][0]["user"]["token"]
        self.server = urllib.parse.urlsplit(self.config["clusters"][0]["cluster"]["server"]).netloc

    def write(self, path=None, user=None, cluster=None):
        """With this user, and these further keys of the cluster; a key of None is left out."""
        config = json.loads(json.dumps(self.config))
        config["users"][0]["user"] = {"token": self.token} if user is None else user
        entry = {**config["clusters"][0]["cluster"], **(cluster or {})}
        config["clusters"][0]["cluster"] = {key: value for key, value in entry.items()
                                            if value is not None}
        (path or self.path).write_text(json.dumps(config))

    def gets_in(self, *options, **more):
        return self.must(self.world.run("status", *options, **more))

    def is_refused(self, pattern, *options):
        ran = self.must(self.world.run("status", *options), UNREACHABLE)
        self.assertRegex(ran.err, pattern)
        return ran


class WhoAsks(AccessTest):
    def test_a_token_and_a_token_file_beside_the_kubeconfig(self):
        self.gets_in()
        (self.world.folder / "token").write_text(self.token + "\n")
        self.write(user={"tokenFile": "token"})
        self.gets_in()
        (self.world.folder / "token").write_text("outdated")
        self.is_refused("401 Unauthorized: .*are they expired")
        (self.world.folder / "token").unlink()
        self.is_refused("reading the token file .*/token: No such file")

    @needs_bed
    def test_a_client_certificate_as_data_and_as_files(self):
        certificate, key = self.sign(f"system:serviceaccount:{self.world.namespace}:linnet")

        def data(path):
            return base64.b64encode(path.read_bytes()).decode()
        self.write(user={"client-certificate-data": data(certificate),
                         "client-key-data": data(key)})
        self.gets_in()
        self.write(user={"client-certificate": certificate.name, "client-key": str(key)})
        self.gets_in()
        stranger, key = self.sign("nobody")
        self.write(user={"client-certificate": stranger.name, "client-key": key.name})
        self.is_refused('403 Forbidden: .*User "nobody" cannot get')
        self.write(user={"client-certificate": stranger.name})
        self.is_refused("private key file")

    def sign(self, name):
        """(certificate, key): files that the cluster's CA vouches for."""
        folder, pki = self.world.folder, self.cluster.bed / "pki"
        label = name.rpartition(":")[2]
        key, request, certificate = (folder / f"{label}.{end}" for end in ("key", "csr", "crt"))
        for words in (("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                       "-keyout", key, "-subj", f"/CN={name}", "-out", request),
                      ("x509", "-req", "-in", request, "-CA", pki / "ca.crt", "-CAkey",
                       pki / "ca.key", "-set_serial", "77", "-days", "1", "-out", certificate)):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        return certificate, key

    def test_in_the_name_of_another(self):
        self.world.write_kubeconfig()
        admin = json.loads(self.path.read_text())["users"][0]["user"]
        self.write(user={**admin, "as": f"system:serviceaccount:{self.world.namespace}:linnet"})
        self.gets_in()
        self.write(user={**admin, "as": "nobody", "as-groups": ["visitors"]})
        self.is_refused('403 Forbidden: .*"nobody" cannot get')


class WhichFile(AccessTest):
    def test_files_that_are_merged(self):
        here, there = self.world.folder / "here", self.world.folder / "there"
        context = {key: self.config[key] for key in ("contexts", "current-context")}
        here.write_text(json.dumps({"kind": "Config", "clusters": self.config["clusters"],
                                    "users": self.config["users"]}))
        there.write_text(json.dumps({"kind": "Config", **context}))

        def by(*files):
            return {"environment": {"KUBECONFIG": ":".join(str(each) for each in files)}}
        self.gets_in(**by(here, there))
        self.gets_in(**by(there, self.world.folder / "absent", here))
        ran = self.must(self.world.run("status", **by(there)), INVALID)
        self.assertIn(f"there is no cluster '{self.config['clusters'][0]['name']}'", ran.err)
        # The first file that names a user has the whole of it.
        wrong = self.world.folder / "wrong"
        wrong.write_text(json.dumps({"users": [{"name": self.config["users"][0]["name"],
                                                "user": {"token": "wrong"}}]}))
        self.gets_in(**by(here, there, wrong))
        self.must(self.world.run("status", **by(wrong, here, there)), UNREACHABLE)

    def test_a_context_and_its_namespace(self):
        text = self.world.spec_file.read_text()
        self.world.spec_file.write_text(
            text.replace(f", namespace: {self.world.namespace}", ""))
        name = self.config["contexts"][0]["name"]
        self.config["contexts"].append({"name": "elsewhere", "context": {
            **self.config["contexts"][0]["context"], "namespace": "elsewhere"}})
        self.write()
        self.gets_in()
        self.is_refused('in the namespace "elsewhere"', "--context", "elsewhere")
        self.config["current-context"] = "elsewhere"
        self.write()
        self.is_refused('in the namespace "elsewhere"')
        self.gets_in("--context", name)
        self.gets_in("-n", self.world.namespace)
        ran = self.must(self.world.run("status", "--context", "nowhere"), INVALID)
        self.assertRegex(ran.err, "no context 'nowhere'; there are: .*elsewhere")


@needs_bed
class WhichWay(AccessTest):
    def test_the_servers_name_where_it_is_not_that_of_the_address(self):
        elsewhere = "https://127.0.0.2:6443"  # the same server; its certificate does not name it
        self.write(cluster={"server": elsewhere})
        self.is_refused("certificate|SSL")
        self.write(cluster={"server": elsewhere, "tls-server-name": "kubernetes.default.svc"})
        self.gets_in()
        self.write(cluster={"server": elsewhere, "tls-server-name": "kubernetes.example"})
        self.is_refused("certificate|SSL")

    def test_a_certificate_that_nobody_vouches_for(self):
        self.write(cluster={"certificate-authority-data": None})
        self.is_refused("certificate")
        self.write(cluster={"certificate-authority-data": None, "insecure-skip-tls-verify": True})
        self.gets_in()
        ca = base64.b64decode(self.config["clusters"][0]["cluster"]["certificate-authority-data"])
        (self.world.folder / "ca.crt").write_bytes(ca)
        self.write(cluster={"certificate-authority-data": None,
                            "certificate-authority": "ca.crt"})
        self.gets_in()

    def test_a_whole_release_through_a_proxy(self):
        # The name cannot be resolved here: there is no other way than the proxy's.
        users = self.start(steps="50% 100%", hold="2s", replicas=1)
        proxy = proxy_to(self.server, user="linnet:se:cret")
        with served(proxy) as server:
            address = f"127.0.0.1:{server.port}"
            far = {"server": "https://kubernetes.default.svc:6443"}
            self.write(cluster=far)
            self.is_refused("kubernetes.default.svc")
            self.write(cluster={**far, "proxy-url": f"http://linnet:wrong@{address}"})
            ran = self.is_refused("407")
            self.assertNotIn("wrong", ran.err)
            self.assertEqual(proxy.asked, [])
            self.write(cluster={**far, "proxy-url": f"http://linnet:se%3Acret@{address}"})
            self.must(self.world.run("deploy", "v1.1.0", "--promote"))
            self.assert_promoted("v1.1.0")
        self.assertEqual(set(proxy.asked), {"kubernetes.default.svc:6443"})
        self.assert_no_failure(users.stop())
        ran = self.is_refused(f"by the proxy {address}")  # the proxy is away now
        self.assertNotIn("cret", ran.err)


class Mistaken(AccessTest):
    def test_a_server_with_a_wrong_path_is_no_missing_namespace(self):
        admin = json.loads(self.world.write_kubeconfig(self.world.folder / "admin").read_text())
        for user, code in ((admin["users"][0]["user"], INVALID), (None, UNREACHABLE)):
            self.write(user=user, cluster={"server": f"https://{self.server}/wrong"})
            ran = self.must(self.world.run("status"), code)
            self.assertIn("is the path in the kubeconfig's clusters[].cluster.server right?",
                          ran.err)
            for wrong in ("create namespace", "linnet rbac"):
                self.assertNotIn(wrong, ran.err)

    def test_a_user_without_credentials_is_nobody_and_needs_no_role(self):
        for user in ({}, {"username": "anna", "password": "sesame"}):
            self.write(user=user)
            ran = self.world.run("status")
            self.assertRegex(ran.err, "system:anonymous|401")
            self.assertNotIn("linnet rbac", ran.err)


class Plugins(AccessTest):
    def setUp(self):
        super().setUp()
        folder = self.world.folder
        self.calls, self.token_file = folder / "calls", folder / "plugin-token"
        (folder / "plugin").write_text(PLUGIN)
        (folder / "plugin").chmod(0o700)
        self.token_file.write_text(self.token)

    def by_plugin(self, lives="for-ever", command="./plugin", **more):
        self.write(user={"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "args": [lives, "two words"], "interactiveMode": "Never",
            "env": [{"name": "GREETING", "value": "hello"},
                    {"name": "CALLS", "value": str(self.calls)},
                    {"name": "TOKEN", "value": str(self.token_file)}], **more}})

    def asked(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_a_plugin_with_arguments_and_environment(self):
        self.by_plugin(provideClusterInfo=True)
        self.gets_in()
        greeting, info = self.asked()[0].split(" {", 1)
        self.assertEqual(greeting, "hello for-ever two words")
        told = json.loads("{" + info)["spec"]
        self.assertEqual(told["cluster"]["server"],
                         self.config["clusters"][0]["cluster"]["server"])
        self.assertFalse(told["interactive"])

    def test_a_plugin_that_fails_or_is_not_there(self):
        self.token_file.unlink()
        self.by_plugin(installHint="install it with: apt-get install plugin")
        self.is_refused("'.*plugin': it ended with 7: log in first: vault is sealed\n"
                        "install it with: apt-get install plugin")
        self.assertIn("vault is sealed", self.world.run("doctor").out)
        self.by_plugin(command="not-installed", installHint="install it with: apt-get")
        self.is_refused("'not-installed'.*No such file.*\ninstall it with: apt-get")

    @needs_bed
    def test_a_plugin_that_asks_has_the_terminal_though_an_engine_runs_beside_it(self):
        self.start(load=False, replicas=1)
        asks = self.world.folder / "plugin"
        asks.write_text('#!/bin/sh\necho asked >>"$CALLS"\n[ -t 0 ] || exit 9\n'
                        'printf "Password: " >&2\nread word\n[ "$word" = sesame ] || exit 8\n'
                        'sleep 6\n' + PLUGIN.split("\n", 2)[2])
        self.by_plugin(interactiveMode="Always")
        self.is_refused("there is no terminal here: run the command in a terminal")
        self.assertEqual(self.asked(), [])
        # Longer than one request may take: a person types, or looks for a telephone.
        self.asks_once("history")
        self.world.spec_file.unlink()
        self.world.environment.pop("LINNET_SPEC", None)
        self.asks_once("history", "-n", self.world.namespace, "--release", "api-gateway")

    def asks_once(self, *words):
        code, said = self.in_a_terminal("sesame\n", *words)
        self.assertEqual((code, "Password: " in said), (DONE, True), said)
        self.assertEqual(self.asked(), ["asked"])
        self.calls.unlink()

    def in_a_terminal(self, typed, *words):
        """Exit code and screen of `linnet WORDS...` on a terminal of its own."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.world.folder)
            os.execve(LINNET, [str(LINNET), *words], self.world.environment)
        said = b""
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                break
            if b"Password: " not in said and b"Password: " in said + piece:
                os.write(terminal, typed.encode())
            said += piece
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")

    @needs_bed
    def test_a_token_that_expires_while_a_deploy_runs(self):
        users = self.start(steps="50% 100%", hold="4s", replicas=1)
        # Renewed 10 s before its end: every 2 s.
        self.by_plugin(lives="12")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assertGreater(len(self.asked()), 4)
        self.assert_no_failure(users.stop())

    @needs_bed
    def test_a_token_that_is_refused_while_a_deploy_runs(self):
        users = self.start(steps="50% 100%", hold="15s", replicas=1)
        self.token_file.write_text(self.bound_token("session"))
        self.by_plugin()
        deploy = self.begin_deploy("v1.1.0", "--promote")
        self.wait_weight(50)
        before = len(self.asked())
        self.token_file.unlink()  # a plugin that has nothing to give yet ...
        self.world.delete("secret", "session")
        wait_for(lambda: len(self.asked()) > before, 60, "the plugin is asked again", 0.1)
        wait_for(lambda: "vault is sealed" in self.output_of(deploy), 30, "its words are told", 0.1)
        self.token_file.write_text(self.token)  # ... and then has
        self.ends_with(deploy, DONE)
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(users.stop())

    def bound_token(self, secret):
        """A token that ends with this Secret."""
        self.world.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": secret, "namespace": self.world.namespace}})
        return self.world.kubectl("create", "token", "linnet", "--bound-object-kind=Secret",
                                  f"--bound-object-name={secret}").strip()


if __name__ == "__main__":
    unittest.main()
