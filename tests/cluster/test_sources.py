"""Metrics servers that ask who one is, through whole releases: a real Prometheus behind basic auth
and TLS, and a store that answers JSON in InfluxDB's form, to tokens of OAuth2 only. Both count what
the real data plane says."""

import base64
import bisect
import http.client
import json
import re
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse
import urllib.request

from harness import is_long, needs_bed, needs_minutes, wait_for
from release_test_case import INVALID, NO_DATA, ROLLED_BACK, ReleaseTest
from servers import Quiet, certificate, served
from world import end_process, free_port

PAGE = "http://127.0.0.1:9100/metrics"  # Traefik's
PASSWORD = "correct horse"
HASHED = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"  # bcrypt
IMPATIENT = "  no_data: { hold: 8s, then: rollback }\n"


class OwnPrometheus(ReleaseTest):
    """A second Prometheus, which scrapes the same data plane at an interval of its own."""

    interval = "1s"

    def setUp(self):
        super().setUp()
        folder, self.port = self.world.folder, free_port()
        self.ca, key = certificate(folder, "prometheus")
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": self.interval, "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "traefik",
                                "static_configs": [{"targets": ["127.0.0.1:9100"]}]}]}))
        (folder / "web.yml").write_text(json.dumps({
            "tls_server_config": {"cert_file": str(self.ca), "key_file": str(key)},
            "basic_auth_users": {"linnet": HASHED}}))
        with open(folder / "prometheus.log", "wb") as log:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
                 f"--web.config.file={folder / 'web.yml'}",
                 f"--web.listen-address=127.0.0.1:{self.port}",
                 f"--storage.tsdb.path={folder / 'tsdb'}"], stdout=log, stderr=log)
        self.addCleanup(end_process, process)
        wait_for(self.has_scraped, 30, "Prometheus has scraped", 0.1)

    def has_scraped(self):
        context = ssl.create_default_context(cafile=self.ca)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        login = base64.b64encode(f"linnet:{PASSWORD}".encode()).decode()
        connection.request("GET", "/api/v1/query?query=up", headers={
            "Authorization": f"Basic {login}"})
        answer = json.loads(connection.getresponse().read())
        return [row for row in answer["data"]["result"] if row["value"][1] == "1"]

    def metrics(self, ca_file=None):
        tls = f"\n    tls: {{ ca_file: {ca_file} }}" if ca_file else ""
        return f"""
    source: prometheus
    recipe: traefik-ingress
    address: https://127.0.0.1:{self.port}
    auth: {{ basic: {{ username: linnet, password: "env:PROMETHEUS_PASSWORD" }} }}{tls}"""

    def password(self, text):
        self.world.environment["PROMETHEUS_PASSWORD"] = text


@needs_bed
class LockedPrometheus(OwnPrometheus):
    def test_a_good_version_is_promoted(self):
        self.password(PASSWORD)
        users = self.start(metrics=self.metrics(self.ca), steps="25% 100%", hold="4s")
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assert_no_failure(users.stop())

    def test_a_bad_version_is_taken_back(self):
        (self.world.folder / "secret").write_text(PASSWORD + "\n")
        metrics = self.metrics(self.ca).replace("env:PROMETHEUS_PASSWORD",
                                                f"file:{self.world.folder / 'secret'}")
        users = self.start(metrics=metrics, steps="25% 100%", hold="30s")
        self.must(self.world.run("deploy", "v2.0.0-errors", "--promote"), ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-errors", "error_rate")
        self.assert_no_failure(users.stop(), bad_versions=("v2.0.0-errors",))

    @is_long
    def test_three_releases_in_a_row_are_promoted_and_a_bad_one_is_taken_back(self):
        """The data plane drops the canary's counters after each release and begins them at 0 with
        the next, while stable's go on: nothing may wait until they are where they were."""
        self.password(PASSWORD)
        users = self.start(rate=40, metrics=self.metrics(self.ca), steps="25% 100%", hold="5s",
                           extra=IMPATIENT)
        many = self.world.load(800)  # stable's counter is far above what a canary's gets to
        wait_for(lambda: many.summary()["requests"] >= 10_000, 60, "stable has served many", 0.2)
        self.assert_no_failure(many.stop())
        for version in ("v1.1.0", "v1.2.0", "v1.3.0"):
            ran = self.must(self.world.run("deploy", version, "--promote"))
            self.assert_promoted(version)
            self.assertNotIn("began anew", ran.out)
        self.must(self.world.run("deploy", "v2.0.0-errors", "--promote"), ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-errors", "error_rate", stable="v1.3.0")
        self.assert_no_failure(users.stop(), bad_versions=("v2.0.0-errors",))

    def test_a_wrong_password_is_told_and_passes_nothing(self):
        self.password("incorrect horse")
        self.passes_nothing("HTTP 401: metrics.auth is missing or not accepted",
                            self.metrics(self.ca))

    def test_a_secret_or_file_that_is_not_there_begins_nothing_and_is_named(self):
        users = self.start(metrics=self.metrics(self.ca), steps="25% 100%")
        for metrics, words in (
                (self.metrics(self.ca), "the environment variable PROMETHEUS_PASSWORD is not set"),
                (self.metrics(self.ca).replace("env:PROMETHEUS_PASSWORD", "file:/nowhere/at/all"),
                 "/nowhere/at/all cannot be read"),
                (self.metrics("/nowhere/ca.crt").replace("env:PROMETHEUS_PASSWORD",
                                                         f"file:{self.ca}"),
                 "/nowhere/ca.crt cannot be read")):
            self.write_spec(metrics=metrics, steps="25% 100%")
            self.assertRegex(self.metrics_finding()["cause"], words)
            ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"), INVALID)
            self.assertIn("nothing was begun", ran.err)
            self.assertIn(words, ran.err)
        self.assertIsNone(self.world.pods("version=canary") or None)
        self.assert_no_failure(users.stop())

    def test_a_certificate_of_an_unknown_authority_is_told_and_passes_nothing(self):
        self.password(PASSWORD)
        self.passes_nothing("SSL certificate problem: self-signed", self.metrics())
        self.write_spec(metrics=self.metrics(certificate(self.world.folder, "stranger")[0]))
        self.assertRegex(self.metrics_finding()["cause"], "certificate")

    def passes_nothing(self, words, metrics):
        users = self.start(metrics=metrics, steps="25% 100%", extra=IMPATIENT)
        finding = self.metrics_finding()
        self.assertFalse(finding["ok"], finding)
        self.assertRegex(finding["cause"], words)
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"), NO_DATA)
        self.assertRegex(ran.out, words)
        self.assertNotIn("horse", ran.out + ran.err)
        self.assertNotIn("step 2", ran.out)
        self.assert_rolled_back("v1.1.0", "no_data")
        self.assert_no_failure(users.stop())

    def metrics_finding(self):
        found = json.loads(self.world.run("doctor", "--output", "json").out)
        return next(each for each in found if each["check"] == "metrics arrive")


@needs_bed
class SlowPrometheus(OwnPrometheus):
    interval = "20s"

    @needs_minutes
    def test_is_not_taken_for_a_canary_without_requests(self):
        self.password(PASSWORD)
        users = self.start(metrics=self.metrics(self.ca), steps="25% 50% 100%", hold="40s")
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote", seconds=600))
        self.assert_promoted("v1.1.0")
        # In the first step at most, when it is not yet known how often the server is told anything.
        self.assertLessEqual(ran.out.count("no request has reached the canary"), 1, str(ran))
        self.assert_no_failure(users.stop())


class Counted:
    """What the data plane's page has counted at each moment since: requests and failed ones."""

    LINE = re.compile(r'^traefik_service_requests_total\{(.*)\} (\S+)$', re.M)

    def __init__(self, services):
        self.services = services  # {track: name of the data plane's service}
        self.times, self.counts = [], []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self):
        self._end.set()
        self._thread.join(10)

    def _follow(self):
        while not self._end.wait(0.1):
            now = time.time() * 1000
            with urllib.request.urlopen(PAGE, timeout=5) as answer:
                page = answer.read().decode()
            self.counts.append(self._read(page))
            self.times.append(now)

    def _read(self, page):
        counts = {}
        for labels, value in self.LINE.findall(page):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            for track, service in self.services.items():
                if label["service"] == service:
                    for what in ("all", "bad") if label["code"].startswith("5") else ("all",):
                        key = track, what
                        counts[key] = counts.get(key, 0) + float(value)
        return counts

    def between(self, begin, end, track, what):
        def until(moment):
            place = bisect.bisect_right(self.times, moment)
            return self.counts[place - 1].get((track, what), 0) if place else 0
        return until(end) - until(begin)


def influxdb(counted, tokens):
    """Answers InfluxQL in InfluxDB's form, and hands out tokens that are good for 5 s."""

    class Store(Quiet):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            login = base64.b64encode(b"linnet:client%20secret").decode()
            if self.headers.get("Authorization") != f"Basic {login}":
                self.answer(401, b'{"error": "invalid_client"}')
            elif urllib.parse.parse_qs(body) != {"grant_type": ["client_credentials"],
                                                 "scope": ["metrics.read"]}:
                self.answer(400, b'{"error": "invalid_request"}')
            else:
                tokens.append(f"token-{len(tokens)}")
                self.answer(200, json.dumps({"access_token": tokens[-1], "token_type": "Bearer",
                                             "expires_in": 5}).encode())

        def do_GET(self):
            if self.headers.get("Authorization") not in [f"Bearer {each}" for each in tokens[-2:]]:
                self.answer(401, b'{"error": "authorization failed"}')
                return
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            query = re.fullmatch(
                r"""SELECT sum\("count"\) FROM "http" WHERE "track"='(\w+)'"""
                r'( AND "code" =~ /\^5/)?'
                r" AND time >= (\d+)ms AND time < (\d+)ms", asked["q"][0])
            track, bad, begin, end = query.groups()
            count = counted.between(int(begin), int(end), track, "bad" if bad else "all")
            series = [{"name": "http", "columns": ["time", "sum"],
                       "values": [[int(begin) // 1000, count]]}]
            # Nothing at all is no series.
            result = {"statement_id": 0, **({"series": series} if count else {})}
            self.answer(200, json.dumps({"results": [result]}).encode())
    return Store


@needs_bed
class JsonStore(ReleaseTest):
    def begin(self, secret="client secret"):
        name = f"{self.world.namespace}-api-gateway-ingress-stable-api-gateway-service-stable-8080"
        counted = Counted({"stable": f"{name}@kubernetesingressnginx",
                           "canary": f"{name}-canary@kubernetesingressnginx"})
        self.addCleanup(counted.close)
        self.tokens = []
        store = served(influxdb(counted, self.tokens))
        address = f"http://127.0.0.1:{store.__enter__().port}"
        self.addCleanup(store.__exit__, None, None, None)
        self.world.environment["CLIENT_SECRET"] = secret
        asked = {f"{track}_{what}": f"""SELECT sum("count") FROM "http" WHERE "track"='{track}'"""
                 + more for track in ("stable", "canary")
                 for what, more in (("requests", ""), ("bad", ' AND "code" =~ /^5/'))}
        metrics = {"source": "influxdb", "address": address,
                   "with": {"database": "linnet", **asked},
                   "auth": {"oauth2": {
                       "token_url": f"{address}/token", "client_id": "linnet",
                       "client_secret": "env:CLIENT_SECRET", "scopes": ["metrics.read"]}}}
        return self.start(metrics=f" {json.dumps(metrics)}", steps="50% 100%", hold="4s",
                          extra="  checks: [{ error_rate: {} }, { health: {} }]\n"
                                "  no_data: { hold: 25s, then: rollback }\n")

    def test_a_good_version_is_promoted(self):
        users = self.begin()
        self.must(self.world.run("deploy", "v1.1.0", "--promote"))
        self.assert_promoted("v1.1.0")
        self.assertGreater(len(self.tokens), 2, "a token is renewed before it ends")
        self.assert_no_failure(users.stop())

    def test_a_bad_version_is_taken_back(self):
        users = self.begin()
        self.must(self.world.run("deploy", "v2.0.0-errors", "--promote"), ROLLED_BACK)
        self.assert_rolled_back("v2.0.0-errors", "error_rate")
        self.assert_no_failure(users.stop(), bad_versions=("v2.0.0-errors",))

    def test_a_wrong_secret_is_told_and_passes_nothing(self):
        users = self.begin(secret="wrong")
        self.must(self.world.run("validate"))
        ran = self.must(self.world.run("deploy", "v1.1.0", "--promote"), NO_DATA)
        self.assertRegex(ran.out, r"a token from http://127.0.0.1:\d+: HTTP 401")
        self.assertNotIn("step 2", ran.out)
        self.assert_rolled_back("v1.1.0", "no_data")
        self.assert_no_failure(users.stop())


if __name__ == "__main__":
    unittest.main()
