"""The README's "Your own service on Kubernetes", run as it stands: its spec, each line after a `$`,
and the output that it shows. Only the image, the data plane's recipe and the time of a step are
this cluster's."""

import os
import pathlib
import re
import unittest

from harness import ClusterTest, IMAGE, needs_bed
from world import LINNET, ROOT

STEPS = "  steps: [{ weight: 5%, hold: 5s }, { weight: 50%, hold: 5s }]\n  min_requests: 5\n"
CHANGES = {
    "registry.example/shop": IMAGE,
    "recipe: ingress-nginx": "recipe: traefik-ingress, with: { controller_selector: app=traefik }",
}
ENDS_OTHERWISE = {"linnet deploy v2.0.0-errors": 1}  # than with 0: the version is bad


def section(title):
    """(yaml, [(command, [line of its output])]) of the section's two blocks."""
    text = (ROOT / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    spec, session = re.findall(r"\n```(?:yaml)?\n(.*?)```", text, re.DOTALL)
    commands = []
    for line in session.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:].split("  #")[0].strip(), []))
        elif not line.startswith(" "):  # the rest of a line that was wrapped
            commands[-1][1].append(re.sub(r"^\d\d:\d\d:\d\d  ", "", line))
    return spec, commands


@needs_bed
class Readme(ClusterTest):
    namespace = "shop"

    def test_the_quick_start_is_as_the_readme_tells_it(self):
        self.world.apply("stable", changes={IMAGE: "IMAGE", "api-gateway": "shop", "IMAGE": IMAGE})
        self.world.wait_ready("shop-stable")
        self.world.wait_served("v1.0.0")
        spec, commands = section("Your own service on Kubernetes")
        for old, new in CHANGES.items():
            self.assertIn(old, spec)
            spec = spec.replace(old, new)
        self.world.spec_file.write_text(spec + STEPS)
        self.clean_up_rights("traefik", "linnet-shop-shop")
        load = self.world.load(100)
        path = {"PATH": f"{pathlib.Path(LINNET).parent}:{os.environ['PATH']}"}
        self.assertGreater(len(commands), 7)
        for command, shown in commands:
            ran = self.world.run("-o", "pipefail", "-c", command, program="bash", environment=path)
            if command == "linnet doctor":
                continue  # it may find what this service really lacks
            self.assertEqual(ran.code, ENDS_OTHERWISE.get(command, 0), str(ran))
            for line in shown:
                measured = line.startswith("rolling back: ")
                self.assertIn("rolling back: " if measured else line, ran.out, str(ran))
        self.assertEqual(self.world.images("shop-stable"), [f"{IMAGE}:v1.1.0"])
        self.assert_no_failure(load.stop(), bad_versions=("v2.0.0-errors",))


if __name__ == "__main__":
    unittest.main()
