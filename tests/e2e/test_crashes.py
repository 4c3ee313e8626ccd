"""kill -9 of the daemon at random moments, again and again, in good and bad releases under load:
each ends as it would have without, and the record of requests shows no failure but the bad
canaries' own. Two rounds in the suite; `./dev crash --rounds N [--seed S]` as many as one likes."""

import os
import random
import unittest

from harness import ENDED, WorldTest, wait_for

ROUNDS = int(os.environ.get("LINNET_CRASH_ROUNDS", "2"))
SEED = int(os.environ.get("LINNET_CRASH_SEED", "1"))
KILLS = 5  # in each release


class Crashes(WorldTest):
    """The seed gives the moments, measured in requests that the users got; what the machine does
    between them is its own affair."""

    def kill_at_random(self, chance, load):
        """Kills a daemon a while into its life; one in four of them while it still starts."""
        starts = chance.random() < 0.25
        self.world.serve(wait=not starts)
        began, more = load.summary()["requests"], chance.randint(1, 20 if starts else 250)
        wait_for(lambda: load.summary()["requests"] >= began + more, 30, "requests", 0.002)
        self.world.kill_daemon()

    def one_release(self, chance, load, version):
        self.deploy_unwatched(version, promote=True)
        kills = 0
        while kills < KILLS and self.world.status()["phase"] not in ENDED:
            more = chance.randint(1, 250)
            began = load.summary()["requests"]
            wait_for(lambda: load.summary()["requests"] >= began + more, 30, "requests", 0.002)
            self.world.kill_daemon()
            kills += 1
            while chance.random() < 0.3:
                self.kill_at_random(chance, load)
                kills += 1
            self.world.serve()
        return kills

    def test_killed_at_random_moments(self):
        self.assertGreater(ROUNDS, 0, "LINNET_CRASH_ROUNDS")
        chance = random.Random(SEED)
        load = self.start(steps="5% 50% 100%", hold="1s", drain="300ms", versions=(
            "v1.0.0", *(f"v{n}.{kind}.0" for n in range(2, ROUNDS + 2) for kind in (1, 2))))
        stable, bad_versions, kills = "v1.0.0", [], 0
        for number in range(2, ROUNDS + 2):
            bad, good = f"v{number}.1.0", f"v{number}.2.0"
            bad_versions.append(bad)
            self.world.behave(bad, "fail_every=2")
            kills += self.one_release(chance, load, bad)
            self.assert_rolled_back(bad, "error_rate|taken back", stable=stable)
            kills += self.one_release(chance, load, good)
            self.assert_promoted(good)
            steps = self.world.history()[0]["steps"]
            self.assertEqual([step["outcome"] for step in steps], ["passed"] * 3, steps)
            self.assertEqual(len(self.world.history()), 2 * (number - 1), "none lost, none twice")
            stable = good
        summary = load.stop()
        self.assert_no_failure(summary, bad_versions=bad_versions)
        print(f"{2 * ROUNDS} releases, {kills} kills, {summary['requests']} requests, seed {SEED}: "
              "no failure but the bad canaries' own")


if __name__ == "__main__":
    unittest.main()
