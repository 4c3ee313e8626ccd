"""The CI examples of docs/ci, run as they stand: each script line of each job in a shell like the
CI system's, with its variables filled in as it does, without a terminal. And `kubectl linnet`."""

import re
import shutil
import unittest

from harness import needs_requests
from release_test_case import DONE, ROLLED_BACK, ReleaseTest
from world import LINNET, ROOT

CI = ROOT / "docs" / "ci"


class Job:
    """The lines between a job's name and the next key of its depth."""

    def __init__(self, file, name, depth):
        lines = (CI / file).read_text().splitlines()
        begin = lines.index(" " * depth + name + ":") + 1
        rest = lines[begin:]
        ends = [i for i, line in enumerate(rest) if re.match(rf" {{0,{depth}}}\S", line)]
        self.lines = rest[:ends[0]] if ends else rest

    def gitlab_script(self):
        """The entries of `script`: one shell runs them all."""
        begin = self.lines.index("  script:") + 1
        return "\n".join(re.match(r"    - (.*)", line)[1] for line in self.lines[begin:] if line)

    def github_runs(self):
        """(environment, script) of each step that runs something; each has a shell of its own."""
        steps, lines = [], iter(self.lines)
        for line in lines:
            if re.match(r"      - ", line):
                steps.append(({}, []))
            if found := re.match(r"          (\w+): (\$\{\{ secrets.*)", line):
                steps[-1][0][found[1]] = found[2]
            elif found := re.match(r"        run: (?!\|)(.*)", line):
                steps[-1][1].append(found[1])
            elif re.match(r"          \S", line) and not line.endswith("|"):
                steps[-1][1].append(line.strip())
        return [(env, "\n".join(script)) for env, script in steps if script]


@needs_requests
class Examples(ReleaseTest):
    def setUp(self):
        super().setUp()
        self.load = self.start(steps="25% 100%", hold="4s")
        # A checkout of somebody's repository: the launcher and the spec beside it.
        checkout = self.world.folder / "k8s"
        checkout.mkdir()
        shutil.copy(ROOT / "k8s" / "canary-deploy.sh", checkout)
        shutil.copy(self.world.spec_file, checkout / "canary.yaml")
        self.world.spec_file.unlink()
        self.world.environment.update(CI="true", LINNET=str(LINNET),
                                      LINNET_SPEC=str(checkout / "canary.yaml"))

    def shell(self, options, script, code, environment):
        ran = self.must(self.world.run(*options, "-c", script, program="bash",
                                       environment=environment), code)
        return ran.out + ran.err

    def gitlab(self, job, tag, code=DONE):
        return self.shell(["-eo", "pipefail"], Job("gitlab-ci.yml", job, 0).gitlab_script(), code,
                          {"CI_COMMIT_TAG": tag, "GITLAB_USER_LOGIN": "anna"})

    def github(self, job, tag, code=DONE):
        """KUBECONFIG reaches the last step by way of the secret, as it does there."""
        told = self.world.folder / "github-env"
        told.write_text("")
        secret = (self.world.folder / "kubeconfig").read_text()
        runs = Job("github-actions.yml", job, 2).github_runs()
        values = {"github.ref_name": tag, "secrets.KUBECONFIG": secret}

        def filled(text):
            return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: values[found[1]], text)
        said = ""
        for number, (environment, script) in enumerate(runs, 1):
            exported = dict(line.split("=", 1) for line in told.read_text().splitlines())
            self.assertEqual("KUBECONFIG" in exported, number == len(runs))
            said = self.shell(["-e"], filled(script), code if number == len(runs) else DONE, {
                "KUBECONFIG": "/nonexistent", "GITHUB_ACTOR": "bert", "GITHUB_ENV": str(told),
                "RUNNER_TEMP": str(self.world.folder / "run"), **exported,
                **{name: filled(value) for name, value in environment.items()}})
        return said

    def promotes_one_and_takes_one_back(self, run, who):
        said = run("release", "v1.1.0")
        self.assertNotIn("\x1b", said)
        self.assertEqual(self.status()["phase"], "awaiting_promotion")
        run("promote", "v1.1.0")
        self.assert_promoted("v1.1.0")
        self.assertIn("was rolled back: ", run("release", "v2.0.0-broken", ROLLED_BACK))
        record = self.assert_rolled_back("v2.0.0-broken", "error_rate", stable="v1.1.0")
        self.assertEqual(record["by"], who)
        self.assert_no_failure(self.load.stop(), ("v2.0.0-broken",))

    def test_gitlabs_jobs_promote_a_good_tag_and_fail_on_a_bad_one(self):
        self.promotes_one_and_takes_one_back(self.gitlab, "anna")

    def test_githubs_jobs_promote_a_good_tag_and_fail_on_a_bad_one(self):
        self.promotes_one_and_takes_one_back(self.github, "bert")

    def test_gitlabs_rollback_takes_a_waiting_canary_back(self):
        self.gitlab("release", "v1.1.0")
        self.gitlab("rollback", "v1.1.0")
        self.assert_rolled_back("v1.1.0", "operator")
        self.assert_no_failure(self.load.stop())


@needs_requests
class Plugin(ReleaseTest):
    def test_kubectl_finds_linnet_by_name_on_path(self):
        self.start(load=False)
        path = f"{LINNET.parent}:{self.world.environment['PATH']}"
        ran = self.must(self.world.run("linnet", "status", program="kubectl",
                                       environment={"PATH": path}))
        self.assertIn("stable  v1.0.0  3/3 ready", ran.out)
        listed = self.world.run("plugin", "list", program="kubectl", environment={"PATH": path})
        self.assertIn("kubectl-linnet", listed.out)
        wrong = self.world.run("linnet", "rolback", program="kubectl", environment={"PATH": path})
        self.assertEqual(wrong.code, 2, str(wrong))


if __name__ == "__main__":
    unittest.main()
